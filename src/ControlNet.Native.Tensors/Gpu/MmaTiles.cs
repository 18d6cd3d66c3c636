using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>The tiles of products on tensor cores, as <c>kernels/nv/tiles_mma.h</c> has them.</summary>
internal static class MmaTiles
{
    /// <summary>Elements that are copied at once: 16 bytes of halves.</summary>
    private const int Piece = 8;

    /// <summary>Threads of a block.</summary>
    private const int Threads = 128;

    /// <summary>
    /// Two blocks of the largest tile are what a multiprocessor has room for. The rates are guesses by the operands
    /// that a tile loads for each product: no device has been measured.
    /// </summary>
    private static readonly TileMenu s_menu =
        new(resident: 2, new(128, 128, 1), new(128, 80, 0.85), new(128, 64, 0.8), new(64, 64, 0.6));

    /// <summary>A kernel in every tile, for <see cref="Choose"/>.</summary>
    public static KernelVariant[] Variants(string file, string entry) => s_menu.Variants(
        tile => new KernelVariant(
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

    /// <inheritdoc cref="TileMenu.Choose"/>
    public static KernelLaunch Choose(KernelVariant[] variants, int rows, int columns, long results, int units) =>
        s_menu.Choose(variants, rows, columns, results, units);
}
