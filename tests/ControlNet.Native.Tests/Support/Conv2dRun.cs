using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <summary>One convolution of a case with reproducible inputs, and its definition.</summary>
internal sealed class Conv2dRun
{
    private readonly Conv2dCase _case;
    private readonly DType _activations;
    private readonly Shape _result;
    private readonly float[] _x, _w;
    private readonly float[]? _bias, _row, _added;

    /// <param name="c">The case.</param>
    /// <param name="activations">How x and the residual are stored.</param>
    public Conv2dRun(Conv2dCase c, DType activations = DType.F32)
    {
        _case = c;
        _activations = activations;
        _result = new Shape(
            c.Batch, ((c.Height + c.Padding.Top + c.Padding.Bottom - c.Kernel) / c.Stride) + 1,
            ((c.Width + c.Padding.Left + c.Padding.Right - c.Kernel) / c.Stride) + 1, c.Out);
        _x = RandomFloats.Rounded(
            RandomFloats.Uniform((long)c.Batch * c.Height * c.Width * c.In, 1), activations);
        _w = RandomFloats.Rounded(RandomFloats.Uniform((long)c.Out * c.In * c.Kernel * c.Kernel, 2), c.Weights);
        _bias = c.Bias ? RandomFloats.Uniform(c.Out, 3) : null;
        _row = c.AddRow ? RandomFloats.Uniform(c.Batch * c.Out, 4) : null;
        _added = c.AddTensor ? RandomFloats.Rounded(RandomFloats.Uniform(_result.Count, 5), activations) : null;
    }

    /// <summary>The result on a device, with a weight packed for a use, stored as x is or otherwise.</summary>
    public float[] On(Device device, Conv2dUse? use = null, DType? result = null)
    {
        Conv2dCase c = _case;
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackConv2d(
            Tensor.From(device, new Shape(c.Out, c.In, c.Kernel, c.Kernel), _w), c.Weights, use);
        return Ops.Conv2d(
            HalfTensors.Tensor(device, new Shape(c.Batch, c.Height, c.Width, c.In), _x, _activations), packed,
            _bias is null ? null : Tensor.From(device, new Shape(c.Out), _bias), c.Stride, c.Padding, c.Activation,
            _row is null ? null : Tensor.From(device, new Shape(c.Batch, c.Out), _row),
            _added is null ? null : HalfTensors.Tensor(device, _result, _added, result ?? _activations),
            result).Floats();
    }

    /// <summary>One element of the definition.</summary>
    public double At(long index) =>
        ReferenceConv2d.At(_case, _result[1], _result[2], _x, _w, _bias, _row, _added, index);

    /// <summary>A use that leads to a transformed weight, where the case allows one.</summary>
    public Conv2dUse KeptUse => new(64, 64, _case.Stride, _case.Padding, WeightGrowth.Full);
}
