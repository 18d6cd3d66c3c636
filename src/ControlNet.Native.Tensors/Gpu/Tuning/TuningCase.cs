using System;
using System.Collections.Generic;

namespace ControlNet.Native.Tensors.Gpu.Tuning;

/// <summary>
/// A product of Stable Diffusion 1.5 at 512 x 512, one for each level of the UNet. Convolutions have a quarter of the
/// input channels they have there: the length of a sum changes how long all tiles take and hardly which is best.
/// </summary>
/// <param name="Operation">What it is, in words.</param>
/// <param name="File">The file of the kernel.</param>
/// <param name="Activations">How x and y are stored.</param>
/// <param name="Side">Pixels along either side of the image, or whose square the rows of a product are.</param>
/// <param name="In">Channels, or features, of x.</param>
/// <param name="Out">Channels, or features, of y.</param>
internal sealed record TuningCase(string Operation, string File, DType Activations, int Side, int In, int Out)
{
    /// <summary>The file of matrix products.</summary>
    public const string MatMul = "matmul";

    /// <summary>The file of convolutions.</summary>
    public const string Conv2d = "conv2d";

    /// <summary>Cases that share kernels lie together; what an image takes most time for comes first.</summary>
    public static IReadOnlyList<TuningCase> All { get; } =
    [
        .. Convolutions(DType.F32), .. Products(DType.F32), .. Convolutions(DType.F16), .. Products(DType.F16),
    ];

    /// <summary>Rows of the result.</summary>
    public int Rows => Side * Side;

    /// <summary>Which products it stands for.</summary>
    public TileLevel Level => TileTable.Level(Rows);

    /// <summary>How the weight is stored while tiles are timed.</summary>
    public DType Storage => Activations;

    /// <summary>How else a weight may be stored beside such activations.</summary>
    public IReadOnlyList<DType> OtherStorages => Activations == DType.F32 ? [DType.F16, DType.BF16] : [];

    /// <summary>The kernel that makes the usual tiles.</summary>
    public KernelVariant Usual(DType storage) =>
        GpuTiles.Choose(GpuTiles.Variants(File, File), Activations, storage, Out);

    private static IEnumerable<TuningCase> Convolutions(DType activations) =>
    [
        Convolution(activations, 64, 80, 320), Convolution(activations, 32, 160, 640),
        Convolution(activations, 16, 320, 1280),
    ];

    private static IEnumerable<TuningCase> Products(DType activations) =>
    [
        Product(activations, 64, 320), Product(activations, 32, 640), Product(activations, 16, 1280),
    ];

    private static TuningCase Convolution(DType activations, int side, int inputs, int outputs) => new(
        FormattableString.Invariant(
            $"3x3 convolution, {side}x{side}, {inputs} to {outputs} channels, {activations.Name()}"),
        Conv2d, activations, side, inputs, outputs);

    private static TuningCase Product(DType activations, int side, int features) => new(
        FormattableString.Invariant(
            $"linear layer, {side * side} rows, {features} to {features} features, {activations.Name()}"),
        MatMul, activations, side, features, features);
}
