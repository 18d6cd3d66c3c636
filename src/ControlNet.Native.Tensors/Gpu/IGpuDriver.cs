using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// What CUDA and OpenCL must both do, for one device with one in-order stream. A failed call throws a
/// <see cref="GpuException"/>, which says whether the device is lost or this call was refused.
/// </summary>
internal interface IGpuDriver : IDisposable
{
    /// <summary>Name as users write it: <c>cuda:0</c>.</summary>
    string Name { get; }

    /// <summary>The device's own name and its driver.</summary>
    string Description { get; }

    GpuLimits Limits { get; }

    /// <summary>Whether there is memory and anything computes; false for the driver that only plans.</summary>
    bool HoldsData { get; }

    /// <summary>Bytes of the device that nobody has; null where the driver does not tell.</summary>
    long? FreeBytes { get; }

    /// <summary>Records launches; null where the driver does not.</summary>
    IGpuRecorder? Recorder { get; }

    /// <summary>A block of device memory, aligned for any kernel.</summary>
    /// <returns>Its handle, or zero when there is not that much memory.</returns>
    nint Allocate(long bytes);

    /// <summary>Returns memory. Nothing queued may be using it.</summary>
    void Free(nint memory);

    /// <summary>Builds the kernel, or takes it from where it was built before.</summary>
    /// <returns>The driver's handle of the function; it lives as long as the driver.</returns>
    nint Build(KernelVariant kernel);

    /// <summary>Queues a launch of a kernel that was built.</summary>
    void Launch(KernelVariant kernel, nint function, GridSize grid, ReadOnlySpan<KernelArgument> arguments);

    /// <summary>Queues a copy from the host; the source may be reused at once.</summary>
    void Upload(ReadOnlySpan<byte> source, nint memory, long offset);

    /// <summary>Waits for what was queued and copies to the host.</summary>
    void Download(nint memory, long offset, Span<byte> destination);

    /// <summary>Waits for what was queued and throws the first failure of it.</summary>
    void Synchronize();
}
