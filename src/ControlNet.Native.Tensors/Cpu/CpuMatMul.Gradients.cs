using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Gradients of a linear layer.</content>
internal sealed unsafe partial class CpuMatMul
{
    public long PackedGradientCount(int outFeatures, int inFeatures) => GemmPack.Count(outFeatures, inFeatures);

    public void PackGradient(int outFeatures, int inFeatures, BufferView weight, BufferView packed) =>
        GemmPack.GradientWeights(
            team, outFeatures, inFeatures, 1, 1, weight.Type, weight.Address, packed.Type, packed.Address);

    /// <summary>A linear layer of the transposed weight.</summary>
    public void LinearDataGradient(
        in LinearDims d, BufferView dy, BufferView packed, BufferView addTensor, BufferView dx) =>
        Linear(new LinearDims(d.Rows, d.Out, d.In, Activation.None), dy, packed, BufferView.None, addTensor, dx);

    /// <summary>A convolution of one line of pixels with a kernel of one pixel.</summary>
    public void LinearWeightGradient(
        in LinearDims d, BufferView x, BufferView dy, bool accumulate, BufferView dWeight) =>
        WeightGradientDriver.Run(
            team, memory, AsConvolution(d), x.Floats, dy.Floats, accumulate, dWeight.Floats);

    /// <summary>The convolution a linear layer's weight gradient is computed as.</summary>
    public static Conv2dDims AsConvolution(in LinearDims d) =>
        new(1, 1, d.Rows, d.In, d.Out, 1, 1, default, Activation.None);
}
