using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>Grids of kernels whose work is counted in one number, and how work is split among their threads.</summary>
internal static class GpuGrid
{
    /// <summary>Threads of a block that is made of teams.</summary>
    public const int TeamBlock = 128;

    /// <summary>Threads of a block, and the elements it takes: <c>ELEMENTS</c> of the prelude.</summary>
    private const int ElementThreads = 256, BlockElements = 1024;

    /// <summary>The block of kernels that loop over <c>ELEMENTS</c>.</summary>
    public static GridSize ElementBlock => new(ElementThreads);

    /// <summary>The grid of kernels that loop over <c>ELEMENTS</c>.</summary>
    public static GridSize Elements(long count) => Blocks(count, BlockElements);

    /// <summary>As many blocks as it takes for some items each.</summary>
    public static GridSize Blocks(long items, long itemsEach) => new(checked((int)Parts(items, itemsEach)));

    /// <summary>Parts of some length that cover it all.</summary>
    public static long Parts(long length, long partLength) => (length + partLength - 1) / partLength;

    /// <summary>
    /// Threads of a team, a power of two: some elements of the axis each, but not so many that a block has fewer teams
    /// than a run of 32 neighbouring columns wants.
    /// </summary>
    /// <param name="length">Elements of the axis.</param>
    /// <param name="inner">Columns that are neighbours; 1 where the axis itself lies in a run.</param>
    public static int Lanes(long length, long inner)
    {
        const int ElementsEach = 16, Run = 32;
        int lanes = 1, most = TeamBlock;
        for (int columns = 1; columns < Math.Min(inner, Run); columns *= 2)
        {
            most /= 2;
        }

        while (lanes < most && lanes * ElementsEach <= length)
        {
            lanes *= 2;
        }

        return lanes;
    }
}
