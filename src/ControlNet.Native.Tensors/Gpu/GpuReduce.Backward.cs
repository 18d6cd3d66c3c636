using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <content>Gradients of sums and of softmax.</content>
internal sealed partial class GpuReduce
{
    private static readonly KernelVariant s_sumBackward =
        new("reduce", "reduce_sum_backward", GpuGrid.ElementBlock);

    private static readonly KernelVariant s_softmaxBackward = Kernel("reduce_softmax_backward");

    public void SumBackward(in AxisDims d, float scale, BufferView dy, BufferView dx)
    {
        long count = d.Outer * d.Length * d.Inner;
        launcher.Launch(s_sumBackward, GpuGrid.Elements(count), dy, dx, count, d.Length, d.Inner, scale);
    }

    public void SoftmaxBackward(in AxisDims d, BufferView y, BufferView dy, BufferView dx)
    {
        int lanes = GpuGrid.Lanes(d.Length, d.Inner);
        launcher.Launch(
            s_softmaxBackward, TeamGrid(d, lanes), y, dy, dx, d.Outer * d.Inner, d.Length, d.Inner, lanes);
    }
}
