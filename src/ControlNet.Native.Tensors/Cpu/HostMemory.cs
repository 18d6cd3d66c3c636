namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Where a <see cref="CpuMemory"/> gets its memory from.</summary>
internal abstract class HostMemory
{
    /// <summary>Whether its memory can be written to.</summary>
    public abstract bool HoldsData { get; }

    /// <summary>Memory aligned to 64 bytes at least; its address is never 0.</summary>
    /// <exception cref="System.OutOfMemoryException">The system has no more.</exception>
    public abstract nint Allocate(long bytes);

    public abstract void Free(nint address);

    /// <summary>
    /// Gives back the pages that lie wholly inside a range; the addresses stay, and their next use brings new pages.
    /// </summary>
    /// <returns>Bytes given back; 0 where the system does not take them.</returns>
    public abstract long GiveBack(nint address, long bytes);
}
