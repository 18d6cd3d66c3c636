using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// Matrix products by one kernel that reads either operand along rows or along columns, or by one for tensor cores that
/// reads both along the steps of the sum. Packed weights are <c>[Out][In]</c>, those for the data gradient
/// <c>[In][Out]</c>.
/// </summary>
internal sealed partial class GpuMatMul(GpuLauncher launcher) : IMatMulKernels
{
    private static readonly KernelVariant[] s_matmul = GpuTiles.Variants("matmul", "matmul");

    public long PackedCount(int outFeatures, int inFeatures) => (long)outFeatures * inFeatures;

    public void Pack(int outFeatures, int inFeatures, BufferView weight, BufferView packed) =>
        GpuTiles.Pack(launcher, outFeatures, inFeatures, 1, turned: false, weight, packed);

    public void Linear(
        in LinearDims d, BufferView x, BufferView packed, BufferView bias, BufferView addTensor, BufferView y) =>
        Run(
            new Call
            {
                Rows = d.Rows, Columns = d.Out, Depth = d.In, RowA = d.In, StepA = 1, ColumnB = d.In, StepB = 1,
            },
            d.Activation, x, packed, bias, addTensor, y);

    public void LinearGeglu(in LinearDims d, BufferView x, BufferView packed, BufferView bias, BufferView y) =>
        Run(
            new Call
            {
                Rows = d.Rows, Columns = d.Out, Depth = d.In, RowA = d.In, StepA = 1, ColumnB = d.In, StepB = 1,
                Gated = true,
            },
            Activation.Gelu, x, packed, bias, BufferView.None, y);

    public void Product(in MatMulDims d, BufferView a, BufferView b, BufferView y)
    {
        Call call = new()
        {
            Rows = d.M,
            Columns = d.N,
            Depth = d.K,
            RowA = d.TransposeA ? 1 : d.K,
            StepA = d.TransposeA ? d.M : 1,
            ColumnB = d.TransposeB ? d.K : 1,
            StepB = d.TransposeB ? 1 : d.N,
            Batch0 = d.Batch0,
            Batch1 = d.Batch1,
            BatchA = (d.StepA0, d.StepA1),
            BatchB = (d.StepB0, d.StepB1),
            Scale = d.Scale,
        };
        Run(call, Activation.None, a, b, BufferView.None, BufferView.None, y);
    }

    /// <summary>
    /// y = act(scale op(a) op(b) + bias) + addTensor, or gated, each sum in one piece: rows may belong to any number of
    /// images, and what a row is must not depend on how many there are.
    /// </summary>
    private void Run(
        in Call c, Activation activation, BufferView a, BufferView b, BufferView bias, BufferView addTensor,
        BufferView y) =>
        Launch(c, 1, Math.Max(1, c.Depth), activation, a, b, bias, addTensor, y);

    private void Launch(
        in Call c, int parts, int partDepth, Activation activation, BufferView a, BufferView b, BufferView bias,
        BufferView addTensor, BufferView y)
    {
        if (parts == 1 && TryTensorCores(c, activation, a, b, bias, addTensor, y))
        {
            return;
        }

        long members = (long)c.Batch0 * c.Batch1;
        GpuTile tile = launcher.Tiles.For(
            GpuTiles.Choose(s_matmul, a.Type, b.Type, c.Columns), c.Rows, c.Columns);
        launcher.Launch(
            tile.Kernel, tile.Grid(c.Rows, c.Columns, members * parts),
            a, b, bias, addTensor, y, c.Rows, c.Columns, c.Depth, c.RowA, c.StepA, c.ColumnB, c.StepB, c.Batch1,
            c.BatchA.Step0, c.BatchA.Step1, c.BatchB.Step0, c.BatchB.Step1, partDepth, parts,
            members * c.Rows * c.Columns, c.Scale, (int)activation, GpuTiles.Halves(y), c.Gated ? 1 : 0);
    }

    /// <summary>A batch of products. Steps are in elements.</summary>
    private readonly struct Call()
    {
        public int Rows { get; init; }

        public int Columns { get; init; }

        /// <summary>Steps of a sum.</summary>
        public int Depth { get; init; }

        /// <summary>From a row of a to the next, and from a step of the sum to the next.</summary>
        public long RowA { get; init; }

        public long StepA { get; init; }

        /// <summary>From a column of b to the next, and from a step of the sum to the next.</summary>
        public long ColumnB { get; init; }

        public long StepB { get; init; }

        public int Batch0 { get; init; } = 1;

        public int Batch1 { get; init; } = 1;

        /// <summary>From a member of the batch to the next along both axes, 0 where it is the same.</summary>
        public (long Step0, long Step1) BatchA { get; init; }

        public (long Step0, long Step1) BatchB { get; init; }

        public float Scale { get; init; } = 1;

        /// <summary>
        /// Whether a row of the result is the first half of its columns times the activation of the second.
        /// </summary>
        public bool Gated { get; init; }
    }
}
