using System;
using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Host memory that asks Linux for pages of 2 MiB: a kernel that walks down the columns of a large matrix touches a
/// page for every row, and the processor remembers the addresses of a few thousand pages only.
/// </summary>
internal static unsafe partial class HugePages
{
    private const nuint PageBytes = 2 << 20;

    /// <summary>Smaller blocks would waste too much of their last page.</summary>
    private const nuint SmallestBytes = 2 * PageBytes;

    /// <summary>MADV_HUGEPAGE of Linux.</summary>
    private const int Advice = 14;

    /// <summary>Memory to be freed with <see cref="NativeMemory.AlignedFree"/>.</summary>
    /// <exception cref="OutOfMemoryException">The system has none.</exception>
    public static nint Allocate(nuint bytes, nuint alignment)
    {
        if (bytes < SmallestBytes || !OperatingSystem.IsLinux())
        {
            return (nint)NativeMemory.AlignedAlloc(bytes, alignment);
        }

        void* block = NativeMemory.AlignedAlloc(bytes, PageBytes);

        // Advice: whether the system follows it changes nothing but the time.
        _ = Advise(block, bytes, Advice);
        return (nint)block;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint bytes, int advice);
}
