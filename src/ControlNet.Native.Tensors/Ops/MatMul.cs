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
        if (weight.Shape.Rank != 2 || weight.DType == DType.I32 || storage == DType.I32)
        {
            throw new ShapeException(
                $"PackLinear: weight must be [Out, In] of floats, got {weight} to be stored as {storage.Name()}");
        }

        (int outFeatures, int inFeatures) = (weight.Shape[0], weight.Shape[1]);
        IMatMulKernels kernels = weight.Backend.MatMul;
        PackedWeight packed = new(weight.Backend, weight.Shape, storage, kernels.PackedCount(outFeatures, inFeatures));
        kernels.Pack(outFeatures, inFeatures, weight.View, packed.View);
        return packed;
    }

    /// <summary>A linear layer: <c>act(x w^T + bias) + addTensor</c>.</summary>
    /// <param name="x"><c>[..., In]</c></param>
    /// <param name="weight"><c>[Out, In]</c>, packed by <see cref="PackLinear"/>.</param>
    /// <param name="bias"><c>[Out]</c>, or none.</param>
    /// <param name="activation">Fused into the same pass.</param>
    /// <param name="addTensor">A residual with the elements of the result, or none; fused into the same pass.</param>
    /// <returns><c>[..., Out]</c></returns>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    public static Tensor Linear(
        Tensor x, PackedWeight weight, Tensor? bias = null, Activation activation = Activation.None,
        Tensor? addTensor = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Check(x, x);
        Check(x, bias);
        Check(x, addTensor);
        LinearDims d = LinearDims.Infer(
            x.Shape, weight.Shape, bias?.Shape, addTensor?.Shape, activation, out Shape result);
        Tensor y = new(x.Backend, result);
        x.Backend.MatMul.Linear(d, x.View, weight.View, ViewOf(bias), ViewOf(addTensor), y.View);
        return y;
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
        Tensor y = new(a.Backend, result);
        a.Backend.MatMul.Product(d, a.View, b.View, y.View);
        return y;
    }
}
