using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Matrix products.</content>
public static partial class Ops
{
    /// <summary>Packs the weight of a linear layer; see <see cref="PackedWeight"/>.</summary>
    /// <param name="weight"><c>[Out, In]</c> in any float type, as checkpoints store it.</param>
    /// <param name="storage">How the packed elements are stored.</param>
    /// <returns>A weight that belongs to the caller, not to a scope.</returns>
    /// <exception cref="ShapeException">The weight is not a matrix of floats.</exception>
    public static PackedWeight PackLinear(Tensor weight, DType storage)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Tape.Refuse(nameof(PackLinear), "hand the weight to Linear as it is", weight);
        return PackLinearOnce(weight, storage);
    }

    private static PackedWeight PackLinearOnce(Tensor weight, DType storage)
    {
        if (weight.Shape.Rank != 2 || weight.DType == DType.I32 || storage == DType.I32)
        {
            throw new ShapeException(
                $"PackLinear: weight must be [Out, In] of floats, got {weight} to be stored as {storage.Name()}");
        }

        (int outFeatures, int inFeatures) = (weight.Shape[0], weight.Shape[1]);
        IMatMulKernels kernels = weight.Backend.MatMul;
        PackedWeight packed = new(weight.Backend, weight.Shape, storage, kernels.PackedCount(outFeatures, inFeatures));
        try
        {
            kernels.Pack(outFeatures, inFeatures, weight.View, packed.View);
            return packed;
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <summary>A linear layer: <c>act(x w^T + bias) + addTensor</c>.</summary>
    /// <param name="x"><c>[..., In]</c></param>
    /// <param name="weight"><c>[Out, In]</c>, packed by <see cref="PackLinear"/>; in F16 where x is.</param>
    /// <param name="bias"><c>[Out]</c>, or none.</param>
    /// <param name="activation">Fused into the same pass.</param>
    /// <param name="addTensor">
    /// A residual with the elements of the result and of its type, or none; fused into the same pass.
    /// </param>
    /// <param name="result">How the result is stored, where the device has both; null is the type of x.</param>
    /// <returns><c>[..., Out]</c></returns>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    public static Tensor Linear(
        Tensor x, PackedWeight weight, Tensor? bias = null, Activation activation = Activation.None,
        Tensor? addTensor = null, DType? result = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Tape.Refuse(nameof(Linear), PackedCure, x, bias, addTensor);
        return LinearForward(x, weight, bias, activation, addTensor, result, out _);
    }

    /// <summary>
    /// The same with a weight as checkpoints store it: the way to train it, or to pass gradients on through it. The
    /// weight is packed for this call and once more in backward.
    /// </summary>
    /// <param name="x"><c>[..., In]</c></param>
    /// <param name="weight"><c>[Out, In]</c>, F32, F16 or BF16.</param>
    /// <param name="bias"><c>[Out]</c>, or none.</param>
    /// <param name="activation">Fused into the same pass, unless a gradient is wanted.</param>
    /// <param name="addTensor">A residual with the elements of the result and of its type, or none.</param>
    /// <param name="result">How the result is stored, where the device has both; null is the type of x.</param>
    /// <returns><c>[..., Out]</c></returns>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    public static Tensor Linear(
        Tensor x, Tensor weight, Tensor? bias = null, Activation activation = Activation.None,
        Tensor? addTensor = null, DType? result = null)
    {
        Check(x, x);
        CheckWeight(x, weight);
        CheckResult(nameof(Linear), x, result, addTensor, weight, bias);
        Tape? tape = Tape.For(x, weight, bias, addTensor);
        if (tape is not null && activation != Activation.None)
        {
            // Backward wants what went into the activation.
            using TensorScope scope = TensorScope.Enter();
            Tensor h = Activate(Linear(x, weight, bias), activation);
            return scope.Keep(addTensor is null ? h : AddElements(h, addTensor));
        }

        using PackedWeight packed = PackLinearOnce(weight, x.DType == DType.F16 ? DType.F16 : weight.DType);
        Tensor y = LinearForward(x, packed, bias, activation, addTensor, result, out LinearDims d);
        tape?.Add(new LinearNode(d, x, weight, bias, addTensor), y);
        return y;
    }

    private static Tensor LinearForward(
        Tensor x, PackedWeight weight, Tensor? bias, Activation activation, Tensor? addTensor, DType? resultType,
        out LinearDims d)
    {
        Check(x, x, nameof(Linear));
        CheckFloats(x, bias, nameof(Linear));
        DType type = CheckResult(nameof(Linear), x, resultType, addTensor, bias);
        CheckPacked(x, weight, nameof(Linear));
        d = LinearDims.Infer(
            nameof(Linear), x.Shape, weight.Shape, bias?.Shape, addTensor?.Shape, activation, out Shape result);
        Tensor y = new(x.Backend, result, type);
        x.Backend.MatMul.Linear(d, x.View, weight.View, ViewOf(bias), ViewOf(addTensor), y.View);
        return y;
    }

    /// <summary>A residual may have the elements of the result under another shape.</summary>
    private static Tensor AddElements(Tensor y, Tensor addTensor)
    {
        int width = y.Shape[-1];
        Tensor sum = Add(y.Reshape(-1, width), addTensor.Reshape(-1, width));
        System.Span<int> extents = stackalloc int[y.Shape.Rank];
        for (int axis = 0; axis < extents.Length; axis++)
        {
            extents[axis] = y.Shape[axis];
        }

        return sum.Reshape(extents);
    }

    /// <summary>The product <c>scale * op(a) op(b)</c> of the last two axes, the others broadcast as a batch.</summary>
    /// <param name="a"><c>[..., M, K]</c>, or <c>[..., K, M]</c> when <paramref name="transposeA"/>.</param>
    /// <param name="b"><c>[..., K, N]</c>, or <c>[..., N, K]</c> when <paramref name="transposeB"/>.</param>
    /// <param name="transposeA">Whether a is stored transposed.</param>
    /// <param name="transposeB">Whether b is stored transposed.</param>
    /// <param name="scale">Factor of the result.</param>
    /// <returns><c>[..., M, N]</c></returns>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    public static Tensor MatMul(Tensor a, Tensor b, bool transposeA = false, bool transposeB = false, float scale = 1f)
    {
        Check(a, a);
        Check(a, b);
        MatMulDims d = MatMulDims.Infer(a.Shape, b.Shape, transposeA, transposeB, scale, out Shape result);
        Tensor y = new(a.Backend, result, a.DType);
        a.Backend.MatMul.Product(d, a.View, b.View, y.View);
        Tape.For(a, b)?.Add(new MatMulNode(a, b, transposeA, transposeB, scale), y);
        return y;
    }
}
