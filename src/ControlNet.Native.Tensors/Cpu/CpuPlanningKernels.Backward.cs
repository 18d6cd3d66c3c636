using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Gradients: their temporaries, and nothing else.</content>
internal sealed partial class CpuPlanningKernels
{
    public void ActivateBackward(Activation activation, BufferView x, BufferView dy, BufferView dx)
    {
    }

    public void GegluBackward(long rows, int columns, BufferView x, BufferView dy, BufferView dx)
    {
    }

    public void SquaredErrorBackward(
        float factor, BufferView x, BufferView target, BufferView dy, BufferView dx, BufferView dTarget)
    {
    }

    public void MovingAverage(float share, BufferView x, BufferView average)
    {
    }

    public void CopyRowsBackward(in CopyRowsDims d, BufferView dy, BufferView dx)
    {
    }

    public void UpsampleNearestBackward(in UpsampleDims d, BufferView dy, BufferView dx)
    {
    }

    public void GatherRowsBackward(int width, BufferView ids, BufferView dy, BufferView dTable)
    {
    }

    public void SumBackward(in AxisDims d, float scale, BufferView dy, BufferView dx)
    {
    }

    public void SoftmaxBackward(in AxisDims d, BufferView y, BufferView dy, BufferView dx)
    {
    }

    public void SumTo(in SumToDims d, float scale, BufferView x, BufferView y)
    {
    }

    public void SquaredError(float factor, BufferView x, BufferView target, BufferView y)
    {
    }

    public void Norm(BufferView x, BufferView y)
    {
    }

    public long PackedGradientCount(int outFeatures, int inFeatures) => GemmPack.Count(outFeatures, inFeatures);

    public void PackGradient(int outFeatures, int inFeatures, BufferView weight, BufferView packed)
    {
    }

    public void LinearDataGradient(
        in LinearDims d, BufferView dy, BufferView packed, BufferView addTensor, BufferView dx)
    {
    }

    public void LinearWeightGradient(
        in LinearDims d, BufferView x, BufferView dy, bool accumulate, BufferView dWeight) =>
        Take(WeightGradientDriver.PartialBytes(CpuMatMul.AsConvolution(d)));

    public long PackedGradientCount(int outChannels, int inChannels, int kernel, int stride) =>
        _conv2d.PackedGradientCount(outChannels, inChannels, kernel, stride);

    public void PackGradient(
        int outChannels, int inChannels, int kernel, int stride, BufferView weight, BufferView packed)
    {
    }

    public void DataGradient(in Conv2dDims d, BufferView dy, BufferView packed, BufferView addTensor, BufferView dx)
    {
        (long first, long second) = _conv2d.DataGradientBytes(d);
        using MemoryBlock? outer = first > 0 ? memory.Allocate(first) : null;
        Take(second);
    }

    public void WeightGradient(in Conv2dDims d, BufferView x, BufferView dy, bool accumulate, BufferView dWeight) =>
        Take(WeightGradientDriver.PartialBytes(CpuConv2d.AsOneLine(d)));

    public void Backward(
        in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView dy, BufferView dx,
        BufferView dGamma, BufferView dBeta)
    {
    }

    public void Backward(
        in AttentionDims d, BufferView q, BufferView k, BufferView v, BufferView y, BufferView sums, BufferView dy,
        BufferView dq, BufferView dk, BufferView dv)
    {
        AttentionBackwardLoop loop = new(null!, d);
        Take(dq.IsNone ? 0 : loop.PartsBytes);
    }

    public void Step(in AdamWDims d, BufferView gradient, BufferView parameter, BufferView mean, BufferView square)
    {
    }
}
