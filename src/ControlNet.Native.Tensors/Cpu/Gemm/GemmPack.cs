using System;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// Rearranges the right side of a product into panels <c>[ceil(columns / 32)][depth][32]</c>, zero beyond the last
/// column.
/// </summary>
internal static unsafe class GemmPack
{
    /// <summary>Least elements of a panel that are packed as an item of their own.</summary>
    private const int PartElements = 16 * 1024;

    /// <summary>Elements of the panels of one matrix, padding included.</summary>
    public static long Count(long depth, int columns) =>
        checked(
            (columns + (long)GemmKernel.PanelColumns - 1) / GemmKernel.PanelColumns * GemmKernel.PanelColumns * depth);

    /// <summary>
    /// Packs weights <c>[Out][In][Area]</c>, as checkpoints store them, so that k runs over <c>[Area][In]</c>: the
    /// order in which a channels-last image is read. A linear layer has an area of 1.
    /// </summary>
    public static void Weights(
        WorkerTeam team, int outputs, int inputs, int area, DType type, void* weights, DType packedType, void* packed)
    {
        PackWeightsLoop loop = new()
        {
            Team = team,
            Source = (byte*)weights,
            SourceType = type,
            Target = (byte*)packed,
            TargetType = packedType,
            Outputs = outputs,
            Inputs = inputs,
            Area = area,
        };
        team.For(checked(PanelsOf(outputs) * loop.Parts), ref loop);
    }

    /// <summary>
    /// Packs weights <c>[Out][In][kernel][kernel]</c> for the data gradient of a convolution; see
    /// <see cref="PackGradientLoop"/>. They occupy <see cref="Count"/> of a depth of Out * kernel * kernel and In
    /// columns.
    /// </summary>
    public static void GradientWeights(
        WorkerTeam team, int outputs, int inputs, int kernel, int stride, DType type, void* weights, DType packedType,
        void* packed)
    {
        PackGradientLoop loop = new()
        {
            Team = team,
            Source = (byte*)weights,
            SourceType = type,
            Target = (byte*)packed,
            TargetType = packedType,
            Outputs = outputs,
            Inputs = inputs,
            Kernel = kernel,
            Stride = stride,
        };
        team.For(checked(PanelsOf(inputs) * loop.Parts), ref loop);
    }

    /// <summary>
    /// Packs dense F32 matrices, each <c>[depth][columns]</c> or, when <paramref name="transposed"/>,
    /// <c>[columns][depth]</c>.
    /// </summary>
    public static void Matrices(
        WorkerTeam team, int matrices, int depth, int columns, bool transposed, float* source, float* packed)
    {
        long sourceStep = (long)depth * columns, packedStep = Count(depth, columns);
        if (transposed)
        {
            for (int m = 0; m < matrices; m++)
            {
                Weights(
                    team, columns, depth, 1, DType.F32, source + (m * sourceStep), DType.F32,
                    packed + (m * packedStep));
            }

            return;
        }

        int panels = PanelsOf(columns);
        PackMatrixLoop loop = new()
        {
            Source = source,
            SourceStep = sourceStep,
            Target = packed,
            Depth = depth,
            Columns = columns,
            Panels = panels,
        };
        team.For(checked(panels * matrices), ref loop);
    }

    /// <summary>Into how many items a panel of some blocks of rows is cut.</summary>
    internal static int PartsOf(int blocks, int blockRows) => (int)Math.Clamp(
        (long)blocks * blockRows * GemmKernel.PanelColumns / PartElements, 1, Math.Max(1, blocks));

    /// <summary>The rows of an item: whole blocks, but for the last.</summary>
    internal static (int First, int End) Part(int rows, int block, int index, int parts)
    {
        long blocks = ((long)rows + block - 1) / block;
        return ((int)(blocks * index / parts * block), (int)Math.Min(rows, blocks * (index + 1) / parts * block));
    }

    private static int PanelsOf(int columns) =>
        (int)(((long)columns + GemmKernel.PanelColumns - 1) / GemmKernel.PanelColumns);
}
