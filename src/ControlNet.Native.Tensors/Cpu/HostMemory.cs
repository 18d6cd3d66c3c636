using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Where the blocks of a <see cref="CpuMemory"/> come from.</summary>
internal abstract class HostMemory
{
    /// <summary>Whether its blocks can be written to.</summary>
    public abstract bool HoldsData { get; }

    /// <summary>A block aligned to 64 bytes; its address is never 0.</summary>
    /// <exception cref="System.OutOfMemoryException">The system has no such block.</exception>
    public abstract nint Allocate(long bytes);

    public abstract void Free(nint address);
}

/// <summary>Blocks of the process.</summary>
internal sealed unsafe class NativeHostMemory : HostMemory
{
    private const nuint CacheLine = 64;

    public override bool HoldsData => true;

    /// <summary>
    /// 64 bytes beyond the end let a vector kernel load, never store, past the last element.
    /// </summary>
    public override nint Allocate(long bytes) =>
        (nint)NativeMemory.AlignedAlloc((nuint)bytes + CacheLine, CacheLine);

    public override void Free(nint address) => NativeMemory.AlignedFree((void*)address);
}

/// <summary>Blocks that are counted and do not exist.</summary>
internal sealed class ImaginedHostMemory : HostMemory
{
    private nint _count;

    public override bool HoldsData => false;

    public override nint Allocate(long bytes) => ++_count;

    public override void Free(nint address)
    {
    }
}
