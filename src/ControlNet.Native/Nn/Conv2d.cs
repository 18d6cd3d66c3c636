using System.Collections.Generic;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Nn;

/// <summary>A convolution with its weight and bias; see <c>Ops.Conv2d</c>.</summary>
internal sealed class Conv2d : AdaptableLayer
{
    // One or the other: packed for inference, as in the checkpoint where gradients pass.
    private readonly PackedWeight? _packed;
    private readonly Tensor? _unpacked;
    private readonly Tensor _bias;
    private readonly int _stride;
    private readonly Padding _padding;
    private readonly string? _alsoOutputOf;
    private readonly DType _result;

    /// <summary>
    /// Takes <c>weight</c> <c>[outChannels, inChannels, kernel, kernel]</c> and <c>bias</c> <c>[outChannels]</c>.
    /// </summary>
    /// <param name="weights">The checkpoint, from this layer down.</param>
    /// <param name="inChannels">C of the input.</param>
    /// <param name="outChannels">C of the result.</param>
    /// <param name="kernel">Edge of the kernel in pixels, odd.</param>
    /// <param name="stride">Step in pixels.</param>
    /// <param name="padding">
    /// Zeros around the input; by default half the kernel, which keeps the size at stride 1.
    /// </param>
    /// <param name="alsoOutputOf">
    /// Path of a module that ends with this layer and reports the same output; null when none.
    /// </param>
    /// <param name="result">How the result is stored; null is as the network's activations are.</param>
    public Conv2d(
        WeightMap weights, int inChannels, int outChannels, int kernel, int stride = 1, Padding? padding = null,
        string? alsoOutputOf = null, DType? result = null)
        : base(weights)
    {
        _result = result ?? weights.Activations;
        _stride = stride;
        _padding = padding ?? Padding.All(kernel / 2);
        _alsoOutputOf = alsoOutputOf;
        Extents = [outChannels, inChannels, kernel, kernel];
        if (weights.Use == WeightUse.Inference)
        {
            _packed = Own(weights.TakeConv2d("weight", outChannels, inChannels, kernel, stride, _padding));
        }
        else
        {
            _unpacked = Own(weights.TakeUnpacked("weight", new Shape(outChannels, inChannels, kernel, kernel)));
        }

        _bias = Own(weights.Take("bias", new Shape(outChannels)));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<long> Extents { get; }

    /// <param name="x"><c>[N, H, W, inChannels]</c></param>
    /// <param name="activation">Fused into the same pass.</param>
    /// <param name="addRow">One row for each image, <c>[N, outChannels]</c>, added to all its pixels, or none.</param>
    /// <param name="addTensor">A residual of the shape of the result, added last, or none.</param>
    /// <returns><c>act(conv(x) + bias + addRow) + addTensor</c>, <c>[N, H', W', outChannels]</c></returns>
    public Tensor Forward(
        Tensor x, Activation activation = Activation.None, Tensor? addRow = null, Tensor? addTensor = null) =>
        ModuleTrace.Listening
            ? ForwardInSteps(x, activation, addRow, addTensor)
            : Convolve(x, activation, addRow, addTensor);

    private Tensor Convolve(
        Tensor x, Activation activation = Activation.None, Tensor? addRow = null, Tensor? addTensor = null)
    {
        if (!IsAdapted)
        {
            return ConvolvePlain(x, activation, addRow, addTensor);
        }

        using TensorScope scope = TensorScope.Enter();
        if (activation == Activation.None)
        {
            return scope.Keep(ConvolvePlain(x, activation, addRow, SumOfBranches(x, addTensor, _result)));
        }

        // The branches are added before the activation, a residual behind it.
        Tensor y = ConvolvePlain(x, Activation.None, addRow, SumOfBranches(x, null, _result));
        y = Ops.Activate(y, activation);
        return scope.Keep(addTensor is null ? y : Ops.Add(y, addTensor));
    }

    private Tensor ConvolvePlain(Tensor x, Activation activation, Tensor? addRow, Tensor? addTensor) =>
        _packed is not null
            ? Ops.Conv2d(x, _packed, _bias, _stride, _padding, activation, addRow, addTensor, _result)
            : Ops.Conv2d(x, _unpacked!, _bias, _stride, _padding, activation, addRow, addTensor, _result);

    /// <inheritdoc/>
    private protected override LowRankBranch Pack(Tensor down, Tensor up, DType storage) =>
        LowRankBranch.OfConvolution(down, up, storage, _stride, _padding);

    private Tensor ForwardInSteps(Tensor x, Activation activation, Tensor? addRow, Tensor? addTensor)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor y = Report(Convolve(x));
        if (_alsoOutputOf is not null)
        {
            ModuleTrace.Report(_alsoOutputOf, y);
        }

        if (addRow is not null)
        {
            Tensor row = addRow.DType == y.DType ? addRow : Ops.Cast(addRow, y.DType);
            y = Ops.Add(y, row.Reshape(row.Shape[0], 1, 1, row.Shape[1]));
        }

        y = activation == Activation.None ? y : Ops.Activate(y, activation);
        return scope.Keep(addTensor is null ? y : Ops.Add(y, addTensor));
    }
}
