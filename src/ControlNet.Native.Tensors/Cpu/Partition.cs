using System;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Cuts work into items for the <see cref="WorkerTeam"/>. The cut depends on the work alone, never on the number of
/// threads, so an element always meets the same arithmetic; work too small to be worth waking a thread is one item.
/// </summary>
internal static class Partition
{
    /// <summary>
    /// Elements of one item, 64 KiB of float32: a few microseconds, and it fits the second-level cache.
    /// </summary>
    public const int Elements = 16 * 1024;

    /// <summary>
    /// Items for <paramref name="rows"/> rows of which each moves about <paramref name="width"/> elements.
    /// </summary>
    public static int Items(long rows, long width)
    {
        long each = RowsEach(rows, width);
        return each == 0 ? 0 : checked((int)((rows + each - 1) / each));
    }

    /// <summary>The rows of one item.</summary>
    public static (long First, long End) Range(int item, long rows, long width)
    {
        long each = RowsEach(rows, width);
        return (item * each, Math.Min(rows, (item + 1) * each));
    }

    private static long RowsEach(long rows, long width) =>
        rows * width <= 2 * Elements ? rows : Math.Max(1, Elements / Math.Max(1, width));
}
