using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Cases;

/// <summary>
/// One convolution of <c>[Batch, Height, Width, In]</c> with a weight <c>[Out, In, Kernel, Kernel]</c>.
/// </summary>
public sealed record Conv2dCase(
    int Batch, int Height, int Width, int In, int Out, int Kernel, int Stride, Padding Padding,
    DType Weights = DType.F32, Activation Activation = Activation.None, bool Bias = true, bool AddRow = false,
    bool AddTensor = false)
{
    /// <summary>Lines of the result.</summary>
    public int OutHeight => ((Height + Padding.Top + Padding.Bottom - Kernel) / Stride) + 1;

    /// <summary>Pixels of a line of the result.</summary>
    public int OutWidth => ((Width + Padding.Left + Padding.Right - Kernel) / Stride) + 1;
}

/// <summary>Shapes of convolutions worth testing and measuring.</summary>
public static class Conv2dCases
{
    /// <summary>Odd extents, every kernel and stride, one-sided padding, every weight type, every epilogue.</summary>
    public static IEnumerable<Conv2dCase> Edges()
    {
        foreach (int kernel in (int[])[1, 2, 3, 5])
        {
            foreach (int stride in (int[])[1, 2, 3])
            {
                yield return new Conv2dCase(2, 9, 11, 3, 5, kernel, stride, Padding.All(kernel / 2));
                yield return new Conv2dCase(1, 7, 6, 4, 33, kernel, stride, default, Bias: false);
            }
        }

        yield return new Conv2dCase(1, 1, 1, 1, 1, 3, 1, Padding.All(1));
        yield return new Conv2dCase(1, 8, 8, 5, 7, 3, 2, Padding.BottomRight(1));
        yield return new Conv2dCase(2, 5, 17, 40, 32, 3, 1, new Padding(0, 2, 1, 0));
        yield return new Conv2dCase(1, 6, 31, 200, 70, 3, 1, Padding.All(1));
        yield return new Conv2dCase(1, 6, 6, 8, 8, 3, 1, Padding.All(4));
        yield return new Conv2dCase(3, 5, 5, 20, 24, 1, 1, default, AddRow: true);
        yield return new Conv2dCase(3, 5, 5, 20, 24, 1, 1, Padding.All(1), AddRow: true, AddTensor: true);
        yield return new Conv2dCase(1, 5, 11, 1024, 20, 3, 1, Padding.All(1), AddRow: true);
        yield return new Conv2dCase(2, 5, 13, 12, 1024, 3, 1, Padding.All(1), AddRow: true, AddTensor: true);
        foreach (DType type in (DType[])[DType.F16, DType.BF16])
        {
            yield return new Conv2dCase(2, 10, 15, 33, 40, 3, 1, Padding.All(1), type);
            yield return new Conv2dCase(1, 40, 40, 9, 36, 3, 1, Padding.All(1), type);
        }

        // Sigmoid and tanh level off, and leave of a long sum its error alone; a short linear layer is their case.
        Activation[] activations =
            [Activation.Silu, Activation.Gelu, Activation.QuickGelu, Activation.GeluTanh, Activation.Relu];
        foreach (Activation activation in activations)
        {
            yield return new Conv2dCase(
                2, 9, 15, 16, 20, 3, 1, Padding.All(1), Activation: activation, AddRow: true, AddTensor: true);
        }
    }

    /// <summary>
    /// Channels in eights, as tensor cores take them: taps that change within a step and between steps, images that end
    /// within a tile, strides, one-sided padding, sums in parts, every epilogue.
    /// </summary>
    public static IEnumerable<Conv2dCase> TensorCores()
    {
        yield return new Conv2dCase(2, 9, 11, 8, 33, 3, 1, Padding.All(1), Activation: Activation.Silu, AddRow: true);
        yield return new Conv2dCase(1, 12, 13, 40, 90, 3, 2, Padding.All(1), AddTensor: true);
        yield return new Conv2dCase(1, 8, 8, 24, 70, 3, 2, Padding.BottomRight(1));
        yield return new Conv2dCase(
            3, 5, 7, 72, 130, 1, 1, default, Activation: Activation.Gelu, AddRow: true, AddTensor: true);
        yield return new Conv2dCase(2, 6, 6, 16, 3, 5, 1, new Padding(0, 2, 1, 3), Bias: false);
        yield return new Conv2dCase(2, 8, 8, 320, 70, 3, 1, Padding.All(1), AddRow: true, AddTensor: true);
        yield return new Conv2dCase(1, 20, 33, 32, 260, 3, 1, Padding.All(1));
    }

    /// <summary>
    /// 3 x 3 with stride 1, where tiles of outputs hang over the edges, sums have several blocks and panels are not
    /// full.
    /// </summary>
    public static IEnumerable<Conv2dCase> Tiles()
    {
        yield return new Conv2dCase(1, 2, 3, 16, 32, 3, 1, Padding.All(1));
        yield return new Conv2dCase(3, 5, 7, 65, 33, 3, 1, Padding.All(1), AddRow: true, AddTensor: true);
        yield return new Conv2dCase(1, 3, 3, 130, 64, 3, 1, default);
        yield return new Conv2dCase(2, 21, 4, 17, 31, 3, 1, new Padding(2, 0, 0, 2));
        yield return new Conv2dCase(1, 8, 16, 64, 96, 3, 1, Padding.All(2), DType.F16, AddTensor: true);
        yield return new Conv2dCase(2, 12, 9, 100, 48, 3, 1, Padding.All(1), DType.BF16, Activation.Silu);
        yield return new Conv2dCase(1, 72, 80, 20, 40, 3, 1, Padding.All(1), Activation: Activation.Gelu);
        yield return new Conv2dCase(2, 60, 70, 260, 8, 3, 1, Padding.All(1));
    }

    /// <summary>
    /// What matters to gradients alone: strides beyond the kernel, more padding than the kernel reaches, lines that do
    /// not fall on the blocks of pixels, sums over so many pixels that they are split.
    /// </summary>
    public static IEnumerable<Conv2dCase> GradientEdges()
    {
        yield return new Conv2dCase(3, 8, 8, 40, 70, 3, 1, Padding.All(1));
        yield return new Conv2dCase(3, 8, 7, 34, 40, 3, 2, Padding.All(1));
        yield return new Conv2dCase(2, 12, 10, 17, 33, 3, 2, Padding.BottomRight(1));
        yield return new Conv2dCase(1, 1, 1, 35, 40, 3, 2, Padding.All(1));
        yield return new Conv2dCase(2, 10, 9, 5, 6, 1, 4, default);
        yield return new Conv2dCase(1, 9, 9, 5, 6, 2, 3, Padding.All(1));
        yield return new Conv2dCase(1, 5, 6, 7, 5, 3, 2, Padding.All(5));
        yield return new Conv2dCase(1, 7, 8, 4, 6, 3, 1, new Padding(4, 0, 2, 3));
        yield return new Conv2dCase(2, 6, 300, 5, 9, 3, 1, Padding.All(1));
        yield return new Conv2dCase(1, 4, 600, 5, 9, 3, 2, Padding.All(1));
        yield return new Conv2dCase(2, 33, 67, 6, 40, 5, 1, Padding.All(2));
        yield return new Conv2dCase(3, 40, 40, 20, 16, 3, 1, Padding.All(1));
        yield return new Conv2dCase(2, 65, 64, 16, 20, 3, 2, Padding.All(1));
        yield return new Conv2dCase(4, 32, 33, 24, 8, 1, 1, default);
        yield return new Conv2dCase(1, 9, 10, 36, 34, 3, 2, Padding.All(1), DType.F16);
        yield return new Conv2dCase(1, 9, 10, 36, 34, 3, 2, Padding.All(1), DType.BF16);
        yield return new Conv2dCase(2, 5, 6, 70, 37, 1, 1, default, DType.F16);
        yield return new Conv2dCase(1, 4, 4, 300, 300, 3, 1, Padding.All(1));
    }

    /// <summary>Convolutions that training a ControlNet goes back through, at 512 x 512.</summary>
    public static IEnumerable<Conv2dCase> Training()
    {
        yield return new Conv2dCase(2, 64, 64, 320, 320, 3, 1, Padding.All(1));
        yield return new Conv2dCase(2, 32, 32, 640, 640, 3, 1, Padding.All(1));
        yield return new Conv2dCase(2, 16, 16, 1280, 1280, 3, 1, Padding.All(1));
        yield return new Conv2dCase(2, 8, 8, 1280, 1280, 3, 1, Padding.All(1));
        yield return new Conv2dCase(2, 64, 64, 320, 320, 1, 1, default);
        yield return new Conv2dCase(2, 64, 64, 320, 320, 3, 2, Padding.All(1));
        yield return new Conv2dCase(2, 64, 64, 4, 320, 3, 1, Padding.All(1));
        yield return new Conv2dCase(2, 256, 256, 32, 32, 3, 1, Padding.All(1));
    }

    /// <summary>Images larger than the padded copy may be, so that they are worked off in bands.</summary>
    public static IEnumerable<Conv2dCase> Bands()
    {
        yield return new Conv2dCase(2, 160, 150, 256, 3, 3, 1, Padding.All(1), AddRow: true, AddTensor: true);
        yield return new Conv2dCase(3, 161, 151, 200, 3, 3, 2, Padding.BottomRight(1));
        yield return new Conv2dCase(5, 64, 64, 256, 4, 3, 1, Padding.All(1), AddRow: true);
    }

    /// <summary>Convolutions of the UNet and the autoencoder of Stable Diffusion 1.5 at 512 x 512.</summary>
    public static IEnumerable<Conv2dCase> StableDiffusion15()
    {
        yield return new Conv2dCase(2, 64, 64, 320, 320, 3, 1, Padding.All(1), AddRow: true);
        yield return new Conv2dCase(1, 64, 64, 960, 320, 3, 1, Padding.All(1), AddTensor: true);
        yield return new Conv2dCase(2, 32, 32, 640, 640, 3, 1, Padding.All(1));
        yield return new Conv2dCase(2, 16, 16, 1280, 1280, 3, 1, Padding.All(1));
        yield return new Conv2dCase(2, 8, 8, 1280, 1280, 3, 1, Padding.All(1), DType.F16);
        yield return new Conv2dCase(1, 8, 8, 1280, 1280, 3, 1, Padding.All(1));
        yield return new Conv2dCase(1, 256, 256, 256, 256, 3, 1, Padding.All(1));
        yield return new Conv2dCase(1, 512, 512, 128, 128, 3, 1, Padding.All(1));
        yield return new Conv2dCase(1, 64, 64, 320, 320, 3, 2, Padding.All(1));
        yield return new Conv2dCase(1, 64, 64, 960, 320, 1, 1, default);
        yield return new Conv2dCase(2, 64, 64, 320, 4, 3, 1, Padding.All(1));
        yield return new Conv2dCase(1, 256, 256, 256, 256, 3, 2, Padding.BottomRight(1));
        yield return new Conv2dCase(1, 512, 512, 3, 16, 3, 1, Padding.All(1), Activation: Activation.Silu);
    }
}
