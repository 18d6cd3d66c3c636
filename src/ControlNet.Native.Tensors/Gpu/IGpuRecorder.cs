namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// What a driver does that records launches and queues them again with one call. A failed call throws a
/// <see cref="GpuException"/>, as those of <see cref="IGpuDriver"/> do.
/// </summary>
internal interface IGpuRecorder
{
    /// <summary>From here on launches are recorded and not run. Nothing else may be asked of the driver.</summary>
    void BeginRecording();

    /// <summary>Ends the recording that was begun; after a failure too nothing is recorded any more.</summary>
    /// <returns>The driver's handle of it.</returns>
    nint EndRecording();

    /// <summary>
    /// Ends a recording whose launches are not wanted. Never fails, and may be called when there is none.
    /// </summary>
    void AbandonRecording();

    /// <summary>Queues what was recorded: the same kernels, grids and arguments.</summary>
    void QueueRecording(nint recording);

    /// <summary>Frees a recording. Waits for what was queued, and never fails.</summary>
    void FreeRecording(nint recording);
}
