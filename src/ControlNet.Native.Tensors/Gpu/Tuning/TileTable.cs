using System.Collections.Generic;

namespace ControlNet.Native.Tensors.Gpu.Tuning;

/// <summary>
/// Which tile a product is made of. It decides how fast a result is there and not what it is: sums are split by
/// <see cref="GpuTiles.Parts"/> whatever the tile, and no tile that gives other bits gets into a table.
/// </summary>
internal sealed class TileTable
{
    private readonly Dictionary<(KernelVariant Usual, TileLevel Level), GpuTile> _tiles = [];

    /// <summary>The table of those who have not tuned.</summary>
    public static TileTable Usual { get; } = new();

    /// <summary>How many kinds of products have another tile than the usual one.</summary>
    public int Count => _tiles.Count;

    /// <summary>Gives a kind of product another tile.</summary>
    /// <param name="usual">The variant that would be launched.</param>
    /// <param name="level">How many rows.</param>
    /// <param name="tile">The tile instead.</param>
    /// <param name="rolled">Whether the device is a processor.</param>
    public void Add(KernelVariant usual, TileLevel level, TileShape tile, bool rolled) =>
        _tiles[(usual, level)] = new GpuTile(tile.Of(usual, rolled), tile.Rows, tile.Columns);

    /// <summary>The tile for a product.</summary>
    /// <param name="usual">The variant that <see cref="GpuTiles.Choose"/> gives.</param>
    /// <param name="rows">Rows of the result.</param>
    /// <param name="columns">Columns of the result.</param>
    public GpuTile For(KernelVariant usual, int rows, int columns) =>
        _tiles.Count > 0 && _tiles.TryGetValue((usual, Level(rows)), out GpuTile tile)
            ? tile
            : GpuTiles.UsualTile(usual, columns);

    /// <summary>The level of so many rows.</summary>
    public static TileLevel Level(int rows) =>
        rows >= 4096 ? TileLevel.Large : rows >= 1024 ? TileLevel.Middle : TileLevel.Small;
}
