using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Cases;

/// <summary>One linear layer: x <c>[Rows, In]</c> times a weight <c>[Out, In]</c>.</summary>
public sealed record LinearCase(
    int Rows, int In, int Out, DType Weights = DType.F32, Activation Activation = Activation.None,
    bool Bias = true, bool AddTensor = false);

/// <summary>One batch of products.</summary>
public sealed record ProductCase(Shape A, Shape B, bool TransposeA = false, bool TransposeB = false, float Scale = 1f);

/// <summary>Shapes of matrix products worth testing and measuring.</summary>
public static class MatMulCases
{
    /// <summary>Every tail of rows and columns, every weight type, every epilogue.</summary>
    public static IEnumerable<LinearCase> Edges()
    {
        for (int rows = 1; rows <= 30; rows++)
        {
            yield return new LinearCase(rows, 7, 33);
        }

        for (int columns = 1; columns <= 65; columns += 8)
        {
            yield return new LinearCase(5, 11, columns, Bias: false);
        }

        foreach (DType type in (DType[])[DType.F32, DType.F16, DType.BF16])
        {
            yield return new LinearCase(0, 4, 4, type);
            yield return new LinearCase(1, 1, 1, type);
            yield return new LinearCase(17, 385, 40, type);
            yield return new LinearCase(40, 1000, 96, type, AddTensor: true);
            yield return new LinearCase(1100, 65, 70, type);

            // Rows a multiple of 4 KiB apart take a path of their own.
            yield return new LinearCase(30, 1024, 40, type, AddTensor: true);
            yield return new LinearCase(30, 400, 1024, type);
        }

        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            yield return new LinearCase(9, 50, 45, Activation: activation);
        }

        foreach (Activation activation in (Activation[])[Activation.Silu, Activation.Gelu, Activation.QuickGelu])
        {
            yield return new LinearCase(9, 800, 45, Activation: activation, AddTensor: true);
        }
    }

    /// <summary>
    /// Depths in eights, as tensor cores take them: tails of every tile's rows and columns, sums shorter than a stage,
    /// as long as the ring and longer, every epilogue.
    /// </summary>
    public static IEnumerable<LinearCase> TensorCores()
    {
        yield return new LinearCase(1, 8, 1);
        yield return new LinearCase(129, 40, 130, AddTensor: true);
        yield return new LinearCase(64, 64, 64, Bias: false);
        yield return new LinearCase(70, 328, 45, Activation: Activation.Silu);
        yield return new LinearCase(37, 96, 81, Activation: Activation.Gelu, AddTensor: true);
        yield return new LinearCase(65, 1024, 129, Activation: Activation.QuickGelu, Bias: false);
        yield return new LinearCase(300, 32, 400);
        yield return new LinearCase(700, 104, 330, AddTensor: true);
    }

    /// <summary>
    /// Layers of values and gates: tiles of every width, with edges between a pair's neighbours; depths in eights and
    /// not. Out counts both halves.
    /// </summary>
    public static IEnumerable<LinearCase> Geglu()
    {
        yield return new LinearCase(0, 4, 8);
        yield return new LinearCase(1, 1, 2);
        yield return new LinearCase(5, 7, 14, Bias: false);
        yield return new LinearCase(67, 72, 16);
        yield return new LinearCase(67, 72, 18);
        yield return new LinearCase(130, 40, 134);
        yield return new LinearCase(64, 328, 640, Bias: false);
        yield return new LinearCase(300, 33, 330);
        yield return new LinearCase(1024, 32, 256);
        yield return new LinearCase(9, 64, 130, DType.F16);
        yield return new LinearCase(9, 64, 130, DType.BF16);
    }

    /// <summary>Linear layers of Stable Diffusion 1.5 at 512 x 512, guidance on where it matters.</summary>
    public static IEnumerable<LinearCase> StableDiffusion15()
    {
        yield return new LinearCase(4096, 320, 320, AddTensor: true);
        yield return new LinearCase(4096, 320, 2560);
        yield return new LinearCase(4096, 1280, 320, AddTensor: true);
        yield return new LinearCase(1024, 640, 640);
        yield return new LinearCase(256, 1280, 1280);
        yield return new LinearCase(64, 1280, 1280, DType.F16);
        yield return new LinearCase(154, 768, 320);
        yield return new LinearCase(154, 768, 3072, Activation: Activation.QuickGelu);
        yield return new LinearCase(2, 320, 1280, Activation: Activation.Silu);
    }

    /// <summary>
    /// What matters to gradients alone: rows that do not fill a block, sums so long that they are split, a row length
    /// of a multiple of 4096 bytes.
    /// </summary>
    public static IEnumerable<LinearCase> GradientEdges()
    {
        yield return new LinearCase(257, 30, 70);
        yield return new LinearCase(1000, 20, 40);
        yield return new LinearCase(5000, 9, 3);
        yield return new LinearCase(300, 1024, 33);
        yield return new LinearCase(60, 33, 1024, DType.F16);
        yield return new LinearCase(600, 600, 600, DType.BF16);
    }

    /// <summary>Linear layers that training a ControlNet goes back through, at 512 x 512 and batch 2.</summary>
    public static IEnumerable<LinearCase> Training()
    {
        yield return new LinearCase(8192, 320, 320);
        yield return new LinearCase(8192, 320, 2560);
        yield return new LinearCase(8192, 1280, 320);
        yield return new LinearCase(2048, 640, 640);
        yield return new LinearCase(2048, 640, 5120);
        yield return new LinearCase(512, 1280, 1280);
        yield return new LinearCase(154, 768, 320);
    }

    /// <summary>Batches, transposes, repeated operands, empty extents.</summary>
    public static IEnumerable<ProductCase> Products()
    {
        foreach (bool transposeA in (bool[])[false, true])
        {
            foreach (bool transposeB in (bool[])[false, true])
            {
                (int, int, int)[] sizes = [(1, 1, 1), (3, 5, 7), (37, 70, 67), (15, 400, 33), (130, 20, 96)];
                foreach ((int m, int k, int n) in sizes)
                {
                    yield return new ProductCase(
                        transposeA ? new Shape(k, m) : new Shape(m, k),
                        transposeB ? new Shape(n, k) : new Shape(k, n), transposeA, transposeB, 0.5f);
                }
            }
        }

        yield return new ProductCase(new Shape(3, 9, 10), new Shape(3, 10, 11));
        yield return new ProductCase(new Shape(2, 3, 9, 10), new Shape(2, 3, 10, 35));
        yield return new ProductCase(new Shape(2, 3, 9, 10), new Shape(10, 35));
        yield return new ProductCase(new Shape(9, 10), new Shape(2, 3, 10, 35));
        yield return new ProductCase(new Shape(2, 1, 9, 10), new Shape(1, 3, 35, 10), TransposeB: true);
        yield return new ProductCase(
            new Shape(1, 3, 10, 9), new Shape(2, 1, 35, 10), TransposeA: true, TransposeB: true);
        yield return new ProductCase(new Shape(4, 0), new Shape(0, 6));
        yield return new ProductCase(new Shape(0, 4), new Shape(4, 6));
    }
}
