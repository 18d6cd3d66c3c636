namespace ControlNet.Native.Tensors.Gpu.Cuda;

/// <content>
/// Copies from the host gather in pinned memory until something asks for the order of the stream: a launch, a copy
/// back, a wait, memory that is freed.
/// </content>
internal sealed unsafe partial class CudaDriver
{
    private CudaStaging? _staging;
    private bool _hasTriedStaging;

    /// <summary>Made for the first copy; null where the driver has no pinned memory.</summary>
    private CudaStaging? Staging
    {
        get
        {
            if (!_hasTriedStaging)
            {
                (_staging, _hasTriedStaging) = (CudaStaging.TryCreate(_stream), true);
            }

            return _staging;
        }
    }

    private void SendGathered()
    {
        if (_staging is { HasGathered: true })
        {
            CheckLate(_staging.Flush(), "cuMemcpyHtoDAsync");
        }
    }
}
