using ControlNet.Native.Tensors.Cpu;

namespace ControlNet.Native.Tensors;

/// <summary>Opens devices. The one place that knows which backends exist.</summary>
public static class Devices
{
    /// <summary>Opens the CPU with threads of its own.</summary>
    /// <param name="threads">How many threads compute; 0 means one for each processor the process may use.</param>
    /// <returns>A device that belongs to the caller.</returns>
    public static Device Cpu(int threads = 0) => new(new CpuBackend(threads));
}
