using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Convolution.</content>
public static partial class Ops
{
    /// <summary>Packs the weight of a convolution; see <see cref="PackedWeight"/>.</summary>
    /// <param name="weight"><c>[Out, In, K, K]</c> in any float type, as checkpoints store it.</param>
    /// <param name="storage">How the packed elements are stored.</param>
    /// <returns>A weight that belongs to the caller, not to a scope.</returns>
    /// <exception cref="ShapeException">The weight is not a square kernel of floats.</exception>
    public static PackedWeight PackConv2d(Tensor weight, DType storage)
    {
        ArgumentNullException.ThrowIfNull(weight);
        if (weight.Shape.Rank != 4 || weight.Shape[2] != weight.Shape[3] || weight.DType == DType.I32
            || storage == DType.I32)
        {
            throw new ShapeException(
                $"PackConv2d: weight must be [Out, In, K, K] of floats, got {weight} to be stored as {storage.Name()}");
        }

        (int outChannels, int inChannels, int kernel) = (weight.Shape[0], weight.Shape[1], weight.Shape[2]);
        IConv2dKernels kernels = weight.Backend.Conv2d;
        PackedWeight packed = new(
            weight.Backend, weight.Shape, storage, kernels.PackedCount(outChannels, inChannels, kernel));
        kernels.Pack(outChannels, inChannels, kernel, weight.View, packed.View);
        return packed;
    }

    /// <summary>A convolution of images: <c>act(conv(x, w) + bias + addRow) + addTensor</c>.</summary>
    /// <param name="x"><c>[N, H, W, In]</c></param>
    /// <param name="weight"><c>[Out, In, K, K]</c>, packed by <see cref="PackConv2d"/>.</param>
    /// <param name="bias"><c>[Out]</c>, or none.</param>
    /// <param name="stride">Step in pixels, 1 or more.</param>
    /// <param name="padding">Zeros around x, in pixels.</param>
    /// <param name="activation">Fused into the same pass.</param>
    /// <param name="addRow">
    /// One row for each image, <c>[N, Out]</c>, added to all its pixels before the activation, or none.
    /// </param>
    /// <param name="addTensor">A residual of the shape of the result, or none.</param>
    /// <returns><c>[N, H', W', Out]</c> with <c>H' = (H + top + bottom - K) / stride + 1</c>.</returns>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    public static Tensor Conv2d(
        Tensor x, PackedWeight weight, Tensor? bias = null, int stride = 1, Padding padding = default,
        Activation activation = Activation.None, Tensor? addRow = null, Tensor? addTensor = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Check(x, x);
        Check(x, bias);
        Check(x, addRow);
        Check(x, addTensor);
        Conv2dDims d = Conv2dDims.Infer(
            x.Shape, weight.Shape, bias?.Shape, addRow?.Shape, addTensor?.Shape, stride, padding, activation,
            out Shape result);
        Tensor y = new(x.Backend, result);
        x.Backend.Conv2d.Forward(d, x.View, weight.View, ViewOf(bias), ViewOf(addRow), ViewOf(addTensor), y.View);
        return y;
    }
}
