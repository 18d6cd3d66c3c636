using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Decides where a result goes past the caches. A plain store first reads the line it will overwrite; a streaming one
/// does not, but leaves nothing for the next operation to find. So it pays only for results that the last-level cache
/// could not keep anyway, beside an input of their size.
/// </summary>
internal static unsafe class StreamingStores
{
    private const long AssumedCacheBytes = 32 << 20;
    private const int CacheLine = 64;

    private static readonly long s_lastLevelCacheBytes = FindLastLevelCache();

    /// <summary>
    /// Whether so many floats are more than half of the last-level cache, too many to find all of them there again.
    /// </summary>
    public static bool Crowd(long floats) => floats * sizeof(float) > s_lastLevelCacheBytes / 2;

    /// <summary>Whether rows of <paramref name="rowFloats"/> floats at y should be stored that way.</summary>
    public static bool Pay(float* y, long floats, long rowFloats) =>
        Sse.IsSupported && Crowd(floats)
        && (nint)y % CacheLine == 0 && rowFloats * sizeof(float) % CacheLine == 0;

    /// <summary>
    /// Stores whole cache lines from a buffer that is in the cache. Memory takes stores in one stretch better than one
    /// by one between loads.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Move<TLanes, TVector>(float* from, float* y, int count)
        where TLanes : struct, ILanes<TVector>
    {
        for (int i = 0; i < count; i += TLanes.Count)
        {
            TLanes.StoreStreaming(TLanes.Load(from + i), y + i);
        }
    }

    /// <summary>Ends an item that used them: streaming stores are not ordered with the others.</summary>
    public static void Fence(bool streaming)
    {
        if (streaming && Sse.IsSupported)
        {
            Sse.StoreFence();
        }
    }

    /// <summary>
    /// Leaf 4 of CPUID on Intel, leaf 0x8000001D on AMD, one level for each sub-leaf. Source: AMD64 Architecture
    /// Programmer's Manual, volume 3, appendix E.
    /// </summary>
    private static long FindLastLevelCache()
    {
        if (!X86Base.IsSupported)
        {
            return AssumedCacheBytes;
        }

        const int VendorAmd = 0x68747541, IntelLeaf = 4, AmdLeaf = unchecked((int)0x8000001D), MostLevels = 8;
        int leaf = X86Base.CpuId(0, 0).Ebx == VendorAmd ? AmdLeaf : IntelLeaf;
        bool known = leaf == AmdLeaf
            ? (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax >= unchecked((uint)AmdLeaf)
            : X86Base.CpuId(0, 0).Eax >= IntelLeaf;
        long largest = 0;
        for (int level = 0; known && level < MostLevels; level++)
        {
            (int eax, int ebx, int ecx, _) = X86Base.CpuId(leaf, level);
            if ((eax & 31) == 0)
            {
                break;
            }

            uint shape = (uint)ebx;
            long ways = (shape >> 22) + 1, partitions = ((shape >> 12) & 1023) + 1, line = (shape & 4095) + 1;
            largest = Math.Max(largest, ways * partitions * line * ((uint)ecx + 1L));
        }

        return largest > 0 ? largest : AssumedCacheBytes;
    }
}
