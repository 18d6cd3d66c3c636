namespace ControlNet.Native.Tensors.Gpu;

/// <summary>What a device can do, for those who choose how to launch.</summary>
/// <param name="MaxGroupSize">Most threads of a block.</param>
/// <param name="LocalBytes">Local memory of a block, in bytes.</param>
/// <param name="Units">Multiprocessors, compute units or cores.</param>
/// <param name="MemoryBytes">Memory of the device.</param>
/// <param name="MaxBlockBytes">Most bytes of one allocation.</param>
/// <param name="IsCpu">Whether the device is a processor behind an OpenCL driver.</param>
/// <param name="BuildsSource">Whether its driver compiles kernels, so that any variant of one can be launched.</param>
/// <param name="Compute">NVIDIA's compute capability, 80 for 8.0; 0 for a device that is not CUDA's.</param>
/// <param name="HasTensorMaps">Whether its driver makes tensor maps, <see cref="TensorMap"/>.</param>
internal sealed record GpuLimits(
    int MaxGroupSize, int LocalBytes, int Units, long MemoryBytes, long MaxBlockBytes, bool IsCpu,
    bool BuildsSource = false, int Compute = 0, bool HasTensorMaps = false);
