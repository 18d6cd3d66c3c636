using System.Collections.Generic;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Nn;

/// <summary>A linear layer with its weight and, mostly, its bias; see <c>Ops.Linear</c>.</summary>
internal sealed class Linear : AdaptableLayer
{
    // One or the other: packed for inference, as in the checkpoint where gradients pass.
    private readonly PackedWeight? _packed;
    private readonly Tensor? _unpacked;
    private readonly Tensor? _bias;
    private readonly string? _alsoOutputOf;
    private readonly DType _result;

    /// <summary>Takes <c>weight</c> <c>[outFeatures, inFeatures]</c> and <c>bias</c> <c>[outFeatures]</c>.</summary>
    /// <param name="weights">The checkpoint, from this layer down.</param>
    /// <param name="inFeatures">Last extent of the input.</param>
    /// <param name="outFeatures">Last extent of the result.</param>
    /// <param name="hasBias">The projections to queries, keys and values of a UNet have none.</param>
    /// <param name="alsoOutputOf">
    /// Path of a module that ends with this layer and reports the same output; null when none.
    /// </param>
    /// <param name="result">How the result is stored; null is as the network's activations are.</param>
    public Linear(
        WeightMap weights, int inFeatures, int outFeatures, bool hasBias = true, string? alsoOutputOf = null,
        DType? result = null)
        : base(weights)
    {
        _result = result ?? weights.Activations;
        _alsoOutputOf = alsoOutputOf;
        Extents = [outFeatures, inFeatures];
        if (weights.Use == WeightUse.Inference)
        {
            _packed = Own(weights.TakeLinear("weight", outFeatures, inFeatures));
        }
        else
        {
            _unpacked = Own(weights.TakeUnpacked("weight", new Shape(outFeatures, inFeatures)));
        }

        _bias = hasBias ? Own(weights.Take("bias", new Shape(outFeatures))) : null;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<long> Extents { get; }

    /// <param name="x"><c>[..., inFeatures]</c></param>
    /// <param name="activation">Fused into the same pass.</param>
    /// <param name="addTensor">A residual with the elements of the result, added last, or none.</param>
    /// <returns><c>act(x w^T + bias) + addTensor</c>, <c>[..., outFeatures]</c></returns>
    public Tensor Forward(Tensor x, Activation activation = Activation.None, Tensor? addTensor = null) =>
        ModuleTrace.Listening
            ? ForwardInSteps(x, activation, addTensor)
            : Multiply(x, activation, addTensor);

    private Tensor Multiply(Tensor x, Activation activation = Activation.None, Tensor? addTensor = null)
    {
        if (!IsAdapted)
        {
            return MultiplyPlain(x, activation, addTensor);
        }

        using TensorScope scope = TensorScope.Enter();
        if (activation == Activation.None)
        {
            return scope.Keep(MultiplyPlain(x, activation, SumOfBranches(x, addTensor, _result)));
        }

        // The branches are added before the activation, a residual behind it.
        Tensor y = MultiplyPlain(x, Activation.None, SumOfBranches(x, null, _result));
        y = Ops.Activate(y, activation);
        return scope.Keep(addTensor is null ? y : Sum(y, addTensor));
    }

    private Tensor MultiplyPlain(Tensor x, Activation activation, Tensor? addTensor) =>
        _packed is not null
            ? Ops.Linear(x, _packed, _bias, activation, addTensor, _result)
            : Ops.Linear(x, _unpacked!, _bias, activation, addTensor, _result);

    /// <inheritdoc/>
    private protected override LowRankBranch Pack(Tensor down, Tensor up, DType storage) =>
        LowRankBranch.OfLinear(down, up, storage);

    private Tensor ForwardInSteps(Tensor x, Activation activation, Tensor? addTensor)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor y = Report(Multiply(x));
        if (_alsoOutputOf is not null)
        {
            ModuleTrace.Report(_alsoOutputOf, y);
        }

        y = activation == Activation.None ? y : Ops.Activate(y, activation);
        return scope.Keep(addTensor is null ? y : Sum(y, addTensor));
    }

    private static Tensor Sum(Tensor y, Tensor addTensor) =>
        y.Shape == addTensor.Shape ? Ops.Add(y, addTensor) : AddReshaped(y, addTensor);

    /// <summary>The residual of tokens may come as an image: the same elements under another shape.</summary>
    private static Tensor AddReshaped(Tensor y, Tensor addTensor)
    {
        int width = y.Shape[-1];
        Tensor sum = Ops.Add(y.Reshape(-1, width), addTensor.Reshape(-1, width));
        return y.Shape.Rank == 3 ? sum.Reshape(y.Shape[0], y.Shape[1], width) : sum;
    }
}
