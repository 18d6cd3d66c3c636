using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>A linear layer to values and gates.</content>
public static partial class Ops
{
    /// <summary>
    /// <see cref="Geglu"/> of a linear layer: with h = x w^T + bias, the first half of h times gelu of the second. On a
    /// GPU h is never stored.
    /// </summary>
    /// <param name="x"><c>[..., In]</c></param>
    /// <param name="weight"><c>[2 C, In]</c>, packed by <see cref="PackLinear"/>; in F16 where x is.</param>
    /// <param name="bias"><c>[2 C]</c>, or none.</param>
    /// <param name="result">How the result is stored, where the device has both; null is the type of x.</param>
    /// <returns><c>[..., C]</c></returns>
    /// <exception cref="ShapeException">The shapes do not fit together, or the weight's rows are odd.</exception>
    public static Tensor LinearGeglu(Tensor x, PackedWeight weight, Tensor? bias = null, DType? result = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Tape.Refuse(nameof(LinearGeglu), PackedCure, x, bias);
        return LinearGegluForward(x, weight, bias, result);
    }

    /// <summary>
    /// The same with a weight as checkpoints store it: the way to train it, or to pass gradients on through it. Where a
    /// gradient is wanted, h is stored.
    /// </summary>
    /// <param name="x"><c>[..., In]</c></param>
    /// <param name="weight"><c>[2 C, In]</c>, F32, F16 or BF16.</param>
    /// <param name="bias"><c>[2 C]</c>, or none.</param>
    /// <param name="result">How the result is stored, where the device has both; null is the type of x.</param>
    /// <returns><c>[..., C]</c></returns>
    /// <exception cref="ShapeException">The shapes do not fit together, or the weight's rows are odd.</exception>
    public static Tensor LinearGeglu(Tensor x, Tensor weight, Tensor? bias = null, DType? result = null)
    {
        Check(x, x);
        CheckWeight(x, weight);
        CheckResult(nameof(LinearGeglu), x, result, null, weight, bias);
        if (Tape.For(x, weight, bias) is not null)
        {
            LinearDims.InferGeglu(x.Shape, weight.Shape, bias?.Shape, out _);
            using TensorScope scope = TensorScope.Enter();
            return scope.Keep(Geglu(Linear(x, weight, bias)));
        }

        using PackedWeight packed = PackLinearOnce(weight, x.DType == DType.F16 ? DType.F16 : weight.DType);
        return LinearGegluForward(x, packed, bias, result);
    }

    private static Tensor LinearGegluForward(Tensor x, PackedWeight weight, Tensor? bias, DType? resultType)
    {
        Check(x, x, nameof(LinearGeglu));
        CheckFloats(x, bias, nameof(LinearGeglu));
        DType type = CheckResult(nameof(LinearGeglu), x, resultType, null, bias);
        CheckPacked(x, weight, nameof(LinearGeglu));
        LinearDims d = LinearDims.InferGeglu(x.Shape, weight.Shape, bias?.Shape, out Shape result);
        Tensor y = new(x.Backend, result, type);
        x.Backend.MatMul.LinearGeglu(d, x.View, weight.View, ViewOf(bias), y.View);
        return y;
    }
}
