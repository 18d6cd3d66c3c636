using System.Text.Json.Nodes;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Bench.Table;

/// <summary>One gradient of the engine, from the words of a row. Convolutions are 3 x 3 with stride 1.</summary>
internal static class GradientCall
{
    private const int Kernel = 3;

    /// <summary>The gradient of the input; its weight is packed before the clock starts.</summary>
    public static TimedCall ConvolutionInput(JsonObject spec, Device device)
    {
        Conv2dDims d = Dims(spec);
        IConv2dKernels kernels = device.Backend.Conv2d;
        Tensor dy = HashNoise.Tensor(device, 1, d.Batch, d.Height, d.Width, d.Out);
        using Tensor weight = HashNoise.Tensor(device, 2, d.Out, d.In, Kernel, Kernel);
        PackedWeight packed = new(
            device.Backend, weight.Shape, DType.F32, kernels.PackedGradientCount(d.Out, d.In, Kernel, 1));
        kernels.PackGradient(d.Out, d.In, Kernel, 1, weight.View, packed.View);
        return new TensorCall([dy, packed], () =>
        {
            Tensor dx = new(device.Backend, new Shape(d.Batch, d.Height, d.Width, d.In));
            kernels.DataGradient(d, dy.View, packed.View, BufferView.None, dx.View);
            return dx;
        });
    }

    /// <summary>The gradient of the weight.</summary>
    public static TimedCall ConvolutionWeight(JsonObject spec, Device device)
    {
        Conv2dDims d = Dims(spec);
        Tensor x = HashNoise.Tensor(device, 1, d.Batch, d.Height, d.Width, d.In);
        Tensor dy = HashNoise.Tensor(device, 2, d.Batch, d.Height, d.Width, d.Out);
        return new TensorCall([x, dy], () =>
        {
            Tensor dWeight = new(device.Backend, new Shape(d.Out, d.In, Kernel, Kernel));
            device.Backend.Conv2d.WeightGradient(d, x.View, dy.View, accumulate: false, dWeight.View);
            return dWeight;
        });
    }

    /// <summary>The gradient of the weight of a linear layer.</summary>
    public static TimedCall LinearWeight(JsonObject spec, Device device)
    {
        LinearDims d = new((int)spec["m"]!, (int)spec["k"]!, (int)spec["n"]!, Activation.None);
        Tensor x = HashNoise.Tensor(device, 1, d.Rows, d.In), dy = HashNoise.Tensor(device, 2, d.Rows, d.Out);
        return new TensorCall([x, dy], () =>
        {
            Tensor dWeight = new(device.Backend, new Shape(d.Out, d.In));
            device.Backend.MatMul.LinearWeightGradient(d, x.View, dy.View, accumulate: false, dWeight.View);
            return dWeight;
        });
    }

    private static Conv2dDims Dims(JsonObject spec) => new(
        (int)spec["batch"]!, (int)spec["height"]!, (int)spec["width"]!, (int)spec["in"]!, (int)spec["out"]!, Kernel, 1,
        Padding.All(Kernel / 2), Activation.None);
}
