using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Gpu.Tuning;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>What the kernel families launch and take temporaries with; one for a backend.</summary>
/// <param name="driver">Where launches go.</param>
/// <param name="memory">The pool temporaries come from.</param>
/// <param name="synchronous">
/// Whether every launch is waited for, so that a failure names the kernel it is of; when not given, as
/// <c>CONTROLNET_SYNC=1</c> says.
/// </param>
/// <param name="kernels">The best kind of kernels to use; when not given, as <c>CONTROLNET_KERNELS</c> says.</param>
internal sealed class GpuLauncher(
    IGpuDriver driver, GpuMemory memory, bool? synchronous = null, KernelKind? kernels = null)
{
    private readonly Dictionary<KernelVariant, nint> _functions = [];

    /// <summary>Whether every launch is waited for.</summary>
    public bool IsSynchronous { get; } =
        synchronous ?? Environment.GetEnvironmentVariable("CONTROLNET_SYNC") == "1";

    public GpuLimits Limits => driver.Limits;

    /// <summary>Which tiles products are made of.</summary>
    public TileTable Tiles { get; set; } = TileTable.Usual;

    /// <summary>The best kind of kernels to use; calls that none of that kind takes have a lesser one.</summary>
    public KernelKind Kernels { get; } = kernels ?? KernelKinds.Best(driver.Limits, driver.Name, KernelKinds.Wish);

    /// <summary>Queues a launch; a grid without blocks launches nothing.</summary>
    /// <param name="kernel">What to launch; built at the first launch.</param>
    /// <param name="grid">How many blocks.</param>
    /// <param name="arguments">In the order of the kernel's parameters; a buffer is two of them.</param>
    /// <exception cref="GpuException">The kernel does not build or the driver refuses the launch.</exception>
    public void Launch(KernelVariant kernel, GridSize grid, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (grid.X == 0 || grid.Y == 0 || grid.Z == 0)
        {
            return;
        }

        if (!_functions.TryGetValue(kernel, out nint function))
        {
            function = driver.Build(kernel);
            _functions.Add(kernel, function);
        }

        driver.Launch(kernel, function, grid, arguments);
        if (IsSynchronous)
        {
            driver.Synchronize();
        }
    }

    /// <summary>A temporary; disposing returns it, also while launches that use it are queued.</summary>
    public MemoryBlock Allocate(long bytes) => memory.Allocate(bytes);

    /// <summary>A temporary as a view of all of it. The block belongs to the caller.</summary>
    public BufferView Scratch(DType type, long count, out MemoryBlock block)
    {
        block = memory.Allocate(count * type.ElementBytes());
        return new BufferView(block, type, 0, count);
    }
}
