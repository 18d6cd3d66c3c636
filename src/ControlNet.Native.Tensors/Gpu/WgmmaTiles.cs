namespace ControlNet.Native.Tensors.Gpu;

/// <summary>The tiles of products by <c>wgmma</c>, as <c>kernels/nv/tiles_wgmma.h</c> has them.</summary>
internal static class WgmmaTiles
{
    /// <summary>Rows of every tile.</summary>
    public const int Rows = 128;

    /// <summary>Steps of a stage: those of a box.</summary>
    public const int Depth = TensorMap.BoxWidth;

    /// <summary>Threads of a block: eight warps that multiply and one that copies.</summary>
    private const int Threads = 288;

    /// <summary>Bytes of a line of a stage, of the signals of a stage, and what the ring is aligned to.</summary>
    private const int LineBytes = Depth * sizeof(ushort), SignalBytes = 16, Alignment = 1024;

    /// <summary>
    /// One block keeps a multiprocessor's tensor cores busy; a second one, of all tiles but the widest, hides what is
    /// before and behind its products. The rates are guesses: no device has been measured.
    /// </summary>
    private static readonly TileMenu s_menu = new(
        resident: 1, new(Rows, 256, 1), new(Rows, 160, 0.95), new(Rows, 128, 0.9), new(Rows, 64, 0.65));

    /// <summary>A kernel in every tile, for <see cref="Choose"/>.</summary>
    public static KernelVariant[] Variants(string file, string entry) => s_menu.Variants(
        tile => new KernelVariant(
            file, entry, new GridSize(Threads), new KernelDefine("COLUMNS", tile.Columns))
        {
            DynamicBytes = DynamicBytes(tile.Columns),
        });

    /// <inheritdoc cref="TileMenu.Choose"/>
    public static KernelLaunch Choose(KernelVariant[] variants, int rows, int columns, long results, int units) =>
        s_menu.Choose(variants, rows, columns, results, units);

    /// <summary>What <c>DYNAMIC_BYTES</c> is in the file.</summary>
    private static int DynamicBytes(int columns)
    {
        int stages = columns is 256 or 64 ? 4 : 3;
        return Alignment + (stages * (((Rows + columns) * LineBytes) + SignalBytes));
    }
}
