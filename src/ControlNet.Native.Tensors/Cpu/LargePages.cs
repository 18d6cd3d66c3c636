using System;
using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Asks Linux for pages of 2 MiB: a page fault then brings 512 times as much, and the strided rows of a product stay
/// within reach of the address cache. They are given back whole as well. Elsewhere, or where the system does not offer
/// them, nothing happens.
/// </summary>
internal static unsafe class LargePages
{
    /// <summary>Size and alignment of a large page in bytes.</summary>
    public const long Bytes = 2L << 20;

    /// <summary>MADV_HUGEPAGE of madvise(2).</summary>
    private const int AdviseLargePages = 14;

    /// <summary>MADV_DONTNEED.</summary>
    private const int AdviseNotNeeded = 4;

    // Looked up among the symbols of the process, so that no C library needs to be named.
    private static readonly delegate* unmanaged<void*, nuint, int, int> s_advise = FindAdvise();

    /// <summary>Asks for the pages that lie wholly inside the block.</summary>
    /// <param name="start">Aligned to <see cref="Bytes"/>.</param>
    /// <param name="bytes">Size of the block.</param>
    public static void Advise(void* start, long bytes)
    {
        long whole = bytes / Bytes * Bytes;
        if (s_advise != null && whole > 0)
        {
            // Advice may be refused; the block is as good without it.
            _ = s_advise(start, (nuint)whole, AdviseLargePages);
        }
    }

    /// <summary>
    /// Gives the large pages that lie wholly inside the range back to the system; the addresses remain and read as
    /// zeros.
    /// </summary>
    /// <returns>Bytes given back.</returns>
    public static long GiveBack(nint start, long bytes)
    {
        long whole = GiveBackSize(start, bytes);
        nint first = (start + (nint)Bytes - 1) / (nint)Bytes * (nint)Bytes;
        return whole > 0 && s_advise((void*)first, (nuint)whole, AdviseNotNeeded) == 0 ? whole : 0;
    }

    /// <summary>What <see cref="GiveBack"/> gives back when the system does not refuse.</summary>
    public static long GiveBackSize(nint start, long bytes)
    {
        long first = (start + Bytes - 1) / Bytes, end = (start + bytes) / Bytes;
        return s_advise == null ? 0 : Math.Max(0, end - first) * Bytes;
    }

    private static delegate* unmanaged<void*, nuint, int, int> FindAdvise() =>
        OperatingSystem.IsLinux()
        && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "madvise", out nint address)
            ? (delegate* unmanaged<void*, nuint, int, int>)address
            : null;
}
