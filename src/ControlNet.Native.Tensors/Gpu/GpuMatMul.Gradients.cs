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

    /// <summary>
    /// The product of dy, transposed, with x. Rows are the steps of its sums, which are split where there are too few
    /// sums to fill a device.
    /// </summary>
    public void LinearWeightGradient(
        in LinearDims d, BufferView x, BufferView dy, bool accumulate, BufferView dWeight)
    {
        Call call = new()
        {
            Rows = d.Out, Columns = d.In, Depth = d.Rows, RowA = 1, StepA = d.Out, ColumnB = 1, StepB = d.In,
        };
        BufferView before = accumulate ? dWeight : BufferView.None;
        int parts = GpuTiles.Parts(d.Out, d.In, d.Rows, out int partDepth);
        if (parts == 1)
        {
            Run(call, Activation.None, dy, x, BufferView.None, before, dWeight);
            return;
        }

        long count = (long)d.Out * d.In;
        BufferView summands = launcher.Scratch(DType.F32, parts * count, out MemoryBlock block);
        using (block)
        {
            Launch(
                call, parts, partDepth, Activation.None, dy, x, BufferView.None, BufferView.None, summands);
            GpuTiles.Join(
                launcher, count, parts, d.In, 1, Activation.None, summands, BufferView.None, BufferView.None, before,
                dWeight);
        }
    }
}
