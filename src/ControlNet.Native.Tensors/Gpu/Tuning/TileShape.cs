using System;
using System.Collections.Generic;

namespace ControlNet.Native.Tensors.Gpu.Tuning;

/// <summary>A shape of the tiles of <c>kernels/tiles.h</c>.</summary>
/// <param name="Rows">Rows of results, a multiple of four times <paramref name="Side"/>.</param>
/// <param name="Columns">Columns of results, a multiple of four times <paramref name="Side"/>.</param>
/// <param name="Side">A block has so many threads along either side.</param>
/// <param name="Depth">Steps of the sum that are in the block's memory at once; divides 256.</param>
internal readonly record struct TileShape(int Rows, int Columns, int Side, int Depth)
{
    /// <summary>What every variant for many columns is compiled with.</summary>
    private const string UsualColumns = "COLUMNS=64";

    /// <summary>The tile of those who do not choose.</summary>
    public static TileShape Usual => new(64, 64, 16, 16);

    /// <summary>
    /// What tuning tries beside it: more results for each thread, which multiplies more for what it reads; fewer
    /// threads, which wait for fewer others; smaller tiles, which fill a device that large ones leave idle; fewer
    /// barriers. 128 x 128 and 64 x 64 results are what CLBlast's database of tuned products has most.
    /// </summary>
    public static IReadOnlyList<TileShape> Others { get; } =
    [
        new(128, 64, 16, 16),
        new(64, 64, 8, 16),
        new(32, 32, 8, 16),
        new(64, 64, 16, 32),
        new(128, 128, 16, 16),
        new(64, 32, 8, 16),
    ];

    /// <summary>Threads of a block.</summary>
    public GridSize Block => new(Side, Side);

    /// <summary>
    /// Local memory of the larger of the two kernels, a convolution, in bytes: two operands or a pass of the epilogue,
    /// 20 bytes for each row and 16 for each step.
    /// </summary>
    public int LocalBytes
    {
        get
        {
            int operands = Depth * (Rows + Columns + 8);
            int pass = 4 * Side * ((4 * Side) + 4);
            return (Math.Max(operands, pass) * sizeof(float)) + (20 * Rows) + (16 * Depth);
        }
    }

    /// <summary>The kernel that makes such tiles instead of the usual ones.</summary>
    /// <param name="usual">A variant for many columns.</param>
    /// <param name="rolled">Whether the device is a processor, which has no use for unrolled passes.</param>
    public KernelVariant Of(KernelVariant usual, bool rolled)
    {
        if (this == Usual)
        {
            return usual;
        }

        string defines = $"ROWS={Rows} COLUMNS={Columns} SIDE={Side} DEPTH={Depth}{(rolled ? " ROLLED=1" : "")}";
        return usual.Defines.EndsWith(UsualColumns, StringComparison.Ordinal)
            ? usual with { Block = Block, Defines = $"{usual.Defines[..^UsualColumns.Length]}{defines}" }
            : throw new InvalidOperationException($"{usual} has no tile of {UsualColumns}");
    }

    /// <summary>The tile of that name; null where the menu has none.</summary>
    public static TileShape? Named(string name)
    {
        foreach (TileShape tile in (ReadOnlySpan<TileShape>)[Usual, .. Others])
        {
            if (tile.ToString() == name)
            {
                return tile;
            }
        }

        return null;
    }

    /// <summary>Writes, for example, <c>64x64, 256 threads, 16 steps</c>.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{Rows}x{Columns}, {Side * Side} threads, {Depth} steps");
}
