namespace ControlNet.Native.Tensors.Gpu;

/// <content>
/// Recordings. While one is made, everything is refused that the driver would not record, before the driver sees it.
/// </content>
internal sealed partial class GuardedDriver : IGpuRecorder
{
    private bool _isRecording;

    public IGpuRecorder? Recorder => driver.Recorder is null ? null : this;

    public void BeginRecording()
    {
        ThrowIfLost();
        try
        {
            driver.Recorder!.BeginRecording();
            _isRecording = true;
        }
        catch (GpuException e) when (e.IsDeviceLost)
        {
            _loss = e;
            throw;
        }
    }

    public nint EndRecording()
    {
        _isRecording = false;
        ThrowIfLost();
        try
        {
            return driver.Recorder!.EndRecording();
        }
        catch (GpuException e) when (e.IsDeviceLost)
        {
            _loss = e;
            throw;
        }
    }

    public void AbandonRecording()
    {
        _isRecording = false;
        driver.Recorder!.AbandonRecording();
    }

    public void QueueRecording(nint recording)
    {
        ThrowIfLost();
        try
        {
            driver.Recorder!.QueueRecording(recording);
        }
        catch (GpuException e) when (e.IsDeviceLost)
        {
            _loss = e;
            throw;
        }
    }

    public void FreeRecording(nint recording) => driver.Recorder!.FreeRecording(recording);

    private void ThrowIfRecording(string what)
    {
        if (_isRecording)
        {
            throw new RecordingException($"{driver.Name}: {what} cannot be recorded");
        }
    }
}
