using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Memory of the process, in large pages where the system has them.</summary>
internal sealed unsafe class NativeHostMemory : HostMemory
{
    private const nuint CacheLine = 64;

    public override bool HoldsData => true;

    /// <summary>
    /// 64 bytes beyond the end let a vector kernel load, never store, past the last element.
    /// </summary>
    public override nint Allocate(long bytes)
    {
        bool large = bytes >= LargePages.Bytes;
        void* address = NativeMemory.AlignedAlloc(
            (nuint)bytes + CacheLine, large ? (nuint)LargePages.Bytes : CacheLine);
        if (large)
        {
            LargePages.Advise(address, bytes);
        }

        return (nint)address;
    }

    public override void Free(nint address) => NativeMemory.AlignedFree((void*)address);

    public override long GiveBack(nint address, long bytes) => LargePages.GiveBack(address, bytes);
}
