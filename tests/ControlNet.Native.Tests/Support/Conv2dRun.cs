using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <summary>One convolution of a case with reproducible inputs, and its definition.</summary>
internal sealed class Conv2dRun
{
    private readonly Conv2dCase _case;
    private readonly Shape _result;
    private readonly float[] _x, _w;
    private readonly float[]? _bias, _row, _added;

    public Conv2dRun(Conv2dCase c)
    {
        _case = c;
        _result = new Shape(
            c.Batch, ((c.Height + c.Padding.Top + c.Padding.Bottom - c.Kernel) / c.Stride) + 1,
            ((c.Width + c.Padding.Left + c.Padding.Right - c.Kernel) / c.Stride) + 1, c.Out);
        _x = RandomFloats.Uniform((long)c.Batch * c.Height * c.Width * c.In, 1);
        _w = RandomFloats.Rounded(RandomFloats.Uniform((long)c.Out * c.In * c.Kernel * c.Kernel, 2), c.Weights);
        _bias = c.Bias ? RandomFloats.Uniform(c.Out, 3) : null;
        _row = c.AddRow ? RandomFloats.Uniform(c.Batch * c.Out, 4) : null;
        _added = c.AddTensor ? RandomFloats.Uniform(_result.Count, 5) : null;
    }

    /// <summary>The result on a device, with a weight packed for a use.</summary>
    public float[] On(Device device, Conv2dUse? use = null)
    {
        Conv2dCase c = _case;
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackConv2d(
            Tensor.From(device, new Shape(c.Out, c.In, c.Kernel, c.Kernel), _w), c.Weights, use);
        return Ops.Conv2d(
            Tensor.From(device, new Shape(c.Batch, c.Height, c.Width, c.In), _x), packed,
            _bias is null ? null : Tensor.From(device, new Shape(c.Out), _bias), c.Stride, c.Padding, c.Activation,
            _row is null ? null : Tensor.From(device, new Shape(c.Batch, c.Out), _row),
            _added is null ? null : Tensor.From(device, _result, _added)).ToArray();
    }

    /// <summary>One element of the definition.</summary>
    public double At(long index) =>
        ReferenceConv2d.At(_case, _result[1], _result[2], _x, _w, _bias, _row, _added, index);

    /// <summary>A use that leads to a transformed weight, where the case allows one.</summary>
    public Conv2dUse KeptUse => new(64, 64, _case.Stride, _case.Padding, WeightGrowth.Full);
}
