using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>How a device is opened.</summary>
/// <param name="Cache">Where built programs are kept.</param>
/// <param name="Source">The text of a file of kernels, its prelude included, by its name without extension.</param>
internal sealed record GpuOptions(KernelCache Cache, Func<string, string> Source)
{
    /// <summary>The assembly's kernels and the user's cache.</summary>
    public static GpuOptions Default => new(KernelCache.ForUser(), KernelSource.Read);
}
