using System;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Every kernel family of the CPU as its memory sees it: the layouts of packed weights and the temporaries of a call
/// are those of the real kernels, and nothing else happens.
/// </summary>
internal sealed partial class CpuPlanningKernels(CpuMemory memory, string? pinnedConv2d) :
    IPointwiseKernels, IMovementKernels, IReduceKernels, IMatMulKernels, IConv2dKernels, IGroupNormKernels,
    IAttentionKernels, IAdamWKernels
{
    /// <summary>Asked for forms, layouts and temporaries only, which needs no team.</summary>
    private readonly CpuConv2d _conv2d = new(null!, memory, pinnedConv2d);

    public void Activate(Activation activation, BufferView x, BufferView y)
    {
    }

    public void Binary(BinaryOperation operation, in BroadcastDims d, BufferView a, BufferView b, BufferView y)
    {
    }

    public void LinearCombination(ReadOnlySpan<float> factors, ReadOnlySpan<BufferView> terms, BufferView y)
    {
    }

    public void Geglu(long rows, int columns, BufferView x, BufferView y)
    {
    }

    public void Cast(BufferView x, BufferView y)
    {
    }

    public void Permute(in PermuteDims d, BufferView x, BufferView y)
    {
    }

    public void CopyRows(in CopyRowsDims d, BufferView x, BufferView y)
    {
    }

    public void UpsampleNearest(in UpsampleDims d, BufferView x, BufferView y)
    {
    }

    public void GatherRows(int width, BufferView table, BufferView ids, BufferView y)
    {
    }

    public void Sum(in AxisDims d, float scale, BufferView x, BufferView y)
    {
    }

    public void Softmax(in AxisDims d, BufferView x, BufferView y)
    {
    }

    public long PackedCount(int outFeatures, int inFeatures) => GemmPack.Count(inFeatures, outFeatures);

    public void Pack(int outFeatures, int inFeatures, BufferView weight, BufferView packed)
    {
    }

    public void Linear(
        in LinearDims d, BufferView x, BufferView packed, BufferView bias, BufferView addTensor, BufferView y)
    {
    }

    public void LinearGeglu(in LinearDims d, BufferView x, BufferView packed, BufferView bias, BufferView y) =>
        Take(CpuMatMul.BothBytes(d));

    public void Product(in MatMulDims d, BufferView a, BufferView b, BufferView y) =>
        Take(CpuMatMul.PackedBytes(d));

    public Conv2dForm ChooseForm(int outChannels, int inChannels, int kernel, Conv2dUse? use) =>
        _conv2d.ChooseForm(outChannels, inChannels, kernel, use);

    public long PackedCount(int outChannels, int inChannels, int kernel, Conv2dForm form) =>
        _conv2d.PackedCount(outChannels, inChannels, kernel, form);

    public void Pack(
        int outChannels, int inChannels, int kernel, BufferView weight, BufferView packed, Conv2dForm form)
    {
    }

    public void Forward(
        in Conv2dDims d, BufferView x, BufferView packed, BufferView bias, BufferView addRow, BufferView addTensor,
        BufferView y) => Take(_conv2d.TemporaryBytes(d));

    public void Forward(in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView y)
    {
    }

    public void Forward(
        in AttentionDims d, BufferView q, BufferView k, BufferView v, BufferView y, BufferView sums)
    {
    }

    /// <summary>A temporary that lives as long as the call.</summary>
    private void Take(long bytes)
    {
        if (bytes > 0)
        {
            memory.Allocate(bytes).Dispose();
        }
    }
}
