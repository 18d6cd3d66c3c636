using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// What <c>matmul.c</c> and <c>conv2d.c</c> have in common: tiles of 64 rows by 64 columns, or by 16 where there are no
/// more; sums in parts where there are too few tiles to fill a device; packed weights.
/// </summary>
/// <remarks>
/// How a sum is split depends on the dims of one image or weight, neither on the device nor on the batch nor on the
/// tiles that <see cref="Tuning.TileTable"/> has instead, and parts are added in order: an image has the same bits each
/// time and in any batch.
/// </remarks>
internal static class GpuTiles
{
    private const int Rows = 64, Columns = 64, NarrowColumns = 16, Depth = 16;

    /// <summary>Blocks to aim at: one for each multiprocessor of a large device.</summary>
    private const int BlocksWanted = 128;

    /// <summary>The least steps of a part: what the kernels add up in one go.</summary>
    private const int LeastDepth = 256;

    private const int LineThreads = 256;

    /// <summary>Variants with F32 activations: three types of weights, two widths.</summary>
    private const int OfWeights = 6;

    private static readonly KernelVariant s_join =
        new("matmul", "matmul_join", new GridSize(LineThreads), "WEIGHT=0 COLUMNS=64");

    private static readonly KernelVariant[] s_pack = PackVariants();

    /// <summary>
    /// The variants of a kernel of tiles, for <see cref="Choose"/>: F32 activations with weights of each type, then F16
    /// with F16.
    /// </summary>
    public static KernelVariant[] Variants(string file, string entry)
    {
        KernelVariant[] variants = new KernelVariant[OfWeights + 2];
        for (int i = 0; i < OfWeights; i++)
        {
            variants[i] = new KernelVariant(
                file, entry, new GridSize(16, 16), new KernelDefine("WEIGHT", i / 2),
                new KernelDefine("COLUMNS", i % 2 == 0 ? Columns : NarrowColumns));
        }

        int halves = Storage(DType.F16) * 2;
        variants[OfWeights] = GpuActivations.Variants(variants[halves]).For(DType.F16);
        variants[OfWeights + 1] = GpuActivations.Variants(variants[halves + 1]).For(DType.F16);
        return variants;
    }

    /// <summary>
    /// The variant for activations and a weight stored so and a result with so many columns. Activations in F16 take
    /// their weight in F16.
    /// </summary>
    public static KernelVariant Choose(KernelVariant[] variants, DType activations, DType storage, int columns)
    {
        int narrow = columns <= NarrowColumns ? 1 : 0;
        if (!GpuActivations.IsHalf(activations))
        {
            return variants[(Storage(storage) * 2) + narrow];
        }

        return storage == DType.F16
            ? variants[OfWeights + narrow]
            : throw new InvalidOperationException(
                $"F16 activations take F16 weights, the buffer holds {storage.Name()}");
    }

    /// <summary>The tile of a variant that <see cref="Choose"/> gives for so many columns.</summary>
    public static GpuTile UsualTile(KernelVariant kernel, int columns) =>
        new(kernel, Rows, columns <= NarrowColumns ? NarrowColumns : Columns);

    /// <summary>One block for each tile of each of <paramref name="results"/>.</summary>
    public static GridSize Grid(int rows, int columns, long results) =>
        new(checked((int)(Tiles(rows, columns) * results)));

    /// <summary>How a sum of <paramref name="depth"/> steps is split.</summary>
    /// <param name="rows">Rows of a result.</param>
    /// <param name="columns">Columns of a result.</param>
    /// <param name="depth">Steps of the sum.</param>
    /// <param name="partDepth">Steps of a part.</param>
    /// <returns>The number of parts, 1 or more.</returns>
    public static int Parts(int rows, int columns, int depth, out int partDepth)
    {
        long tiles = Math.Max(1, Tiles(rows, columns));
        int wanted = (int)Math.Clamp(BlocksWanted / tiles, 1, Math.Max(1, depth / LeastDepth));
        partDepth = checked((int)(Math.Max(1, GpuGrid.Parts(GpuGrid.Parts(depth, wanted), Depth)) * Depth));
        return Math.Max(1, (int)GpuGrid.Parts(depth, partDepth));
    }

    /// <summary>y = act(sum of the parts + bias + addRow) + addTensor.</summary>
    /// <param name="launcher">Where it runs.</param>
    /// <param name="count">Elements of y.</param>
    /// <param name="parts">Number of parts, each like y.</param>
    /// <param name="columns">Elements of bias and of a row of y.</param>
    /// <param name="rowsOfImage">Rows of y that share a row of addRow.</param>
    /// <param name="activation">Applied before addTensor.</param>
    /// <param name="summands">The parts.</param>
    /// <param name="bias">One row, or none.</param>
    /// <param name="addRow">One row for each image, or none.</param>
    /// <param name="addTensor">Like y, may be y, or none.</param>
    /// <param name="y">The result.</param>
    public static void Join(
        GpuLauncher launcher, long count, int parts, int columns, int rowsOfImage, Activation activation,
        BufferView summands, BufferView bias, BufferView addRow, BufferView addTensor, BufferView y) =>
        launcher.Launch(
            s_join, GpuGrid.Blocks(count, LineThreads), summands, bias, addRow, addTensor, y, count, parts, columns,
            rowsOfImage, (int)activation, Halves(y));

    /// <summary>Whether a result is F16, as kernels are told it.</summary>
    public static int Halves(BufferView y) => GpuActivations.IsHalf(y.Type) ? 1 : 0;

    /// <summary>
    /// Packs a weight <c>[Outputs, Inputs, Taps]</c> as <c>[Outputs][Taps][Inputs]</c>, or, turned, as
    /// <c>[Inputs][Taps][Outputs]</c> with the last tap first, which makes gradients of x products and convolutions
    /// like any other.
    /// </summary>
    public static void Pack(
        GpuLauncher launcher, int outputs, int inputs, int taps, bool turned, BufferView weight, BufferView packed)
    {
        long count = (long)outputs * inputs * taps;
        launcher.Launch(
            s_pack[(Storage(weight.Type) * 3) + Storage(packed.Type)], GpuGrid.Blocks(count, LineThreads), weight,
            packed, count, outputs, inputs, taps, turned ? 1 : 0);
    }

    private static long Tiles(int rows, int columns)
    {
        int width = columns <= NarrowColumns ? NarrowColumns : Columns;
        return GpuGrid.Parts(rows, Rows) * GpuGrid.Parts(columns, width);
    }

    private static KernelVariant[] PackVariants()
    {
        KernelVariant[] variants = new KernelVariant[9];
        for (int i = 0; i < variants.Length; i++)
        {
            variants[i] = new KernelVariant(
                "matmul", "matmul_pack", new GridSize(LineThreads), new KernelDefine("SOURCE", i / 3),
                new KernelDefine("WEIGHT", i % 3));
        }

        return variants;
    }

    /// <summary>The storage type as kernels are told it.</summary>
    private static int Storage(DType type) => type switch
    {
        DType.F32 => 0,
        DType.F16 => 1,
        DType.BF16 => 2,
        _ => throw new InvalidOperationException($"weights are floats, the buffer holds {type.Name()}"),
    };
}
