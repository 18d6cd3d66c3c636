using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>The tiles of products on tensor cores, as <c>kernels/nv/tiles_mma.h</c> has them.</summary>
/// <remarks>
/// Every tile adds up in the same order, so the choice, which depends on the device and on the batch, changes no bit.
/// </remarks>
internal static class MmaTiles
{
    /// <summary>Elements that are copied at once: 16 bytes of halves.</summary>
    private const int Piece = 8;

    /// <summary>Threads of a block.</summary>
    private const int Threads = 128;

    /// <summary>Blocks that a multiprocessor has room for at a time, of the largest tile.</summary>
    private const int Resident = 2;

    /// <summary>
    /// Extents, and results in a unit of time relative to the largest tile. The rates are guesses by the operands that
    /// a tile loads for each product: no device has been measured.
    /// </summary>
    private static readonly (int Rows, int Columns, double Rate)[] s_tiles =
        [(128, 128, 1), (128, 80, 0.85), (128, 64, 0.8), (64, 64, 0.6)];

    /// <summary>A kernel in every tile, for <see cref="Choose"/>.</summary>
    public static KernelVariant[] Variants(string file, string entry) => Array.ConvertAll(
        s_tiles, tile => new KernelVariant(
            file, entry, new GridSize(Threads), new KernelDefine("ROWS", tile.Rows),
            new KernelDefine("COLUMNS", tile.Columns)));

    /// <summary>Whether extents and strides are such that wherever a piece of a line begins it is aligned.</summary>
    public static bool AreInPieces(params ReadOnlySpan<long> elements)
    {
        foreach (long count in elements)
        {
            if (count % Piece != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The tile that is through first: by the rounds in which a device works off the blocks.</summary>
    /// <param name="variants">The kernel in every tile.</param>
    /// <param name="rows">Rows of a result.</param>
    /// <param name="columns">Columns of a result.</param>
    /// <param name="results">Members of a batch times parts of a sum.</param>
    /// <param name="units">Multiprocessors of the device.</param>
    public static KernelLaunch Choose(KernelVariant[] variants, int rows, int columns, long results, int units)
    {
        int best = 0;
        double least = double.PositiveInfinity;
        for (int i = 0; i < s_tiles.Length; i++)
        {
            (int tileRows, int tileColumns, double rate) = s_tiles[i];
            double rounds = Math.Ceiling(Blocks(i, rows, columns, results) / (double)(Resident * Math.Max(1, units)));
            double time = rounds * tileRows * tileColumns / rate;
            if (time < least)
            {
                (best, least) = (i, time);
            }
        }

        return new KernelLaunch(variants[best], new GridSize(checked((int)Blocks(best, rows, columns, results))));
    }

    private static long Blocks(int tile, int rows, int columns, long results) =>
        GpuGrid.Parts(rows, s_tiles[tile].Rows) * GpuGrid.Parts(columns, s_tiles[tile].Columns) * results;
}
