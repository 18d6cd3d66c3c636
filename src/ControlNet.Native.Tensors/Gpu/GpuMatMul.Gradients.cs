using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <content>Gradients of a linear layer.</content>
internal sealed partial class GpuMatMul
{
    public long PackedGradientCount(int outFeatures, int inFeatures) => (long)outFeatures * inFeatures;

    public void PackGradient(int outFeatures, int inFeatures, BufferView weight, BufferView packed) =>
        GpuTiles.Pack(launcher, outFeatures, inFeatures, 1, turned: true, weight, packed);

    /// <summary>A linear layer of the transposed weight.</summary>
    public void LinearDataGradient(
        in LinearDims d, BufferView dy, BufferView packed, BufferView addTensor, BufferView dx) =>
        Linear(new LinearDims(d.Rows, d.Out, d.In, Activation.None), dy, packed, BufferView.None, addTensor, dx);

    /// <summary>The product of dy, transposed, with x. Rows are the steps of its sum.</summary>
    public void LinearWeightGradient(
        in LinearDims d, BufferView x, BufferView dy, bool accumulate, BufferView dWeight) =>
        Run(
            new Call
            {
                Rows = d.Out, Columns = d.In, Depth = d.Rows, RowA = 1, StepA = d.Out, ColumnB = 1, StepB = d.In,
            },
            Activation.None, dy, x, BufferView.None, accumulate ? dWeight : BufferView.None, dWeight);
}
