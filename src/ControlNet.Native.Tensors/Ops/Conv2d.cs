using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Convolution.</content>
public static partial class Ops
{
    /// <summary>Packs the weight of a convolution; see <see cref="PackedWeight"/>.</summary>
    /// <param name="weight"><c>[Out, In, K, K]</c> in any float type, as checkpoints store it.</param>
    /// <param name="storage">
    /// How the packed elements are stored, unless <paramref name="use"/> leads to a transformed weight, which is F32.
    /// </param>
    /// <param name="use">How the weight is going to be used; none packs it for every stride, at its own size.</param>
    /// <returns>A weight that belongs to the caller, not to a scope.</returns>
    /// <exception cref="ShapeException">The weight is not a square kernel of floats.</exception>
    public static PackedWeight PackConv2d(Tensor weight, DType storage, Conv2dUse? use = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Tape.Refuse(nameof(PackConv2d), "hand the weight to Conv2d as it is", weight);
        return PackConv2dOnce(weight, storage, use);
    }

    private static PackedWeight PackConv2dOnce(Tensor weight, DType storage, Conv2dUse? use = null)
    {
        CheckConv2dWeight(weight.Shape, weight.DType, storage);
        (int outChannels, int inChannels, int kernel) = (weight.Shape[0], weight.Shape[1], weight.Shape[2]);
        IConv2dKernels kernels = weight.Backend.Conv2d;
        Conv2dForm form = kernels.ChooseForm(outChannels, inChannels, kernel, use);
        PackedWeight packed = new(
            weight.Backend, weight.Shape, form == Conv2dForm.Direct ? storage : DType.F32,
            kernels.PackedCount(outChannels, inChannels, kernel, form), form);
        try
        {
            kernels.Pack(outChannels, inChannels, kernel, weight.View, packed.View, form);
            return packed;
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The <see cref="PackedWeight.Bytes"/> that <see cref="PackConv2d"/> would need on a device, to plan before
    /// anything is read.
    /// </summary>
    /// <param name="device">Where the weight would be.</param>
    /// <param name="weight"><c>[Out, In, K, K]</c></param>
    /// <param name="storage">How the packed elements would be stored.</param>
    /// <param name="use">How the weight would be used.</param>
    /// <exception cref="ShapeException">The shape is not that of a square kernel.</exception>
    public static long PackedConv2dBytes(Device device, Shape weight, DType storage, Conv2dUse? use = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        CheckConv2dWeight(weight, DType.F32, storage, "PackedConv2dBytes");
        IConv2dKernels kernels = device.Backend.Conv2d;
        Conv2dForm form = kernels.ChooseForm(weight[0], weight[1], weight[2], use);
        return kernels.PackedCount(weight[0], weight[1], weight[2], form)
            * (form == Conv2dForm.Direct ? storage : DType.F32).ElementBytes();
    }

    /// <summary>A convolution of images: <c>act(conv(x, w) + bias + addRow) + addTensor</c>.</summary>
    /// <param name="x"><c>[N, H, W, In]</c></param>
    /// <param name="weight">
    /// <c>[Out, In, K, K]</c>, packed by <see cref="PackConv2d"/>; in F16 where x is.
    /// </param>
    /// <param name="bias"><c>[Out]</c>, or none.</param>
    /// <param name="stride">Step in pixels, 1 or more.</param>
    /// <param name="padding">Zeros around x, in pixels.</param>
    /// <param name="activation">Fused into the same pass.</param>
    /// <param name="addRow">
    /// One row for each image, <c>[N, Out]</c>, added to all its pixels before the activation, or none.
    /// </param>
    /// <param name="addTensor">A residual of the shape and type of the result, or none.</param>
    /// <param name="result">How the result is stored, where the device has both; null is the type of x.</param>
    /// <returns><c>[N, H', W', Out]</c> with <c>H' = (H + top + bottom - K) / stride + 1</c>.</returns>
    /// <exception cref="ShapeException">
    /// The shapes do not fit together, or the weight was packed for another stride.
    /// </exception>
    public static Tensor Conv2d(
        Tensor x, PackedWeight weight, Tensor? bias = null, int stride = 1, Padding padding = default,
        Activation activation = Activation.None, Tensor? addRow = null, Tensor? addTensor = null, DType? result = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Tape.Refuse(nameof(Conv2d), PackedCure, x, bias, addRow, addTensor);
        return Conv2dForward(x, weight, bias, stride, padding, activation, addRow, addTensor, result, out _);
    }

    /// <summary>
    /// The same with a weight as checkpoints store it: the way to train it, or to pass gradients on through it. The
    /// weight is packed for this call and once more in backward.
    /// </summary>
    /// <param name="x"><c>[N, H, W, In]</c></param>
    /// <param name="weight"><c>[Out, In, K, K]</c>, F32, F16 or BF16.</param>
    /// <param name="bias"><c>[Out]</c>, or none.</param>
    /// <param name="stride">Step in pixels, 1 or more.</param>
    /// <param name="padding">Zeros around x, in pixels.</param>
    /// <param name="activation">Fused into the same pass, unless a gradient is wanted.</param>
    /// <param name="addRow">
    /// One row for each image, <c>[N, Out]</c>, added to all its pixels before the activation, or none.
    /// </param>
    /// <param name="addTensor">A residual of the shape and type of the result, or none.</param>
    /// <param name="result">How the result is stored, where the device has both; null is the type of x.</param>
    /// <returns><c>[N, H', W', Out]</c> with <c>H' = (H + top + bottom - K) / stride + 1</c>.</returns>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    public static Tensor Conv2d(
        Tensor x, Tensor weight, Tensor? bias = null, int stride = 1, Padding padding = default,
        Activation activation = Activation.None, Tensor? addRow = null, Tensor? addTensor = null, DType? result = null)
    {
        Check(x, x);
        CheckWeight(x, weight);
        CheckResult(nameof(Conv2d), x, result, addTensor, weight, bias, addRow);
        Tape? tape = Tape.For(x, weight, bias, addRow, addTensor);
        if (tape is not null && activation != Activation.None)
        {
            // Backward wants what went into the activation.
            using TensorScope scope = TensorScope.Enter();
            Tensor h = Activate(Conv2d(x, weight, bias, stride, padding, addRow: addRow), activation);
            return scope.Keep(addTensor is null ? h : Add(h, addTensor));
        }

        using PackedWeight packed = PackConv2dOnce(weight, x.DType == DType.F16 ? DType.F16 : weight.DType);
        Tensor y = Conv2dForward(
            x, packed, bias, stride, padding, activation, addRow, addTensor, result, out Conv2dDims d);
        tape?.Add(new Conv2dNode(d, x, weight, bias, addRow, addTensor), y);
        return y;
    }

    private static Tensor Conv2dForward(
        Tensor x, PackedWeight weight, Tensor? bias, int stride, Padding padding, Activation activation,
        Tensor? addRow, Tensor? addTensor, DType? resultType, out Conv2dDims d)
    {
        Check(x, x, nameof(Conv2d));
        CheckFloats(x, bias, nameof(Conv2d));
        CheckFloats(x, addRow, nameof(Conv2d));
        DType type = CheckResult(nameof(Conv2d), x, resultType, addTensor, bias, addRow);
        CheckPacked(x, weight, nameof(Conv2d));
        d = Conv2dDims.Infer(
            x.Shape, weight.Shape, bias?.Shape, addRow?.Shape, addTensor?.Shape, stride, padding, activation,
            out Shape result, weight.Form);
        Tensor y = new(x.Backend, result, type);
        x.Backend.Conv2d.Forward(d, x.View, weight.View, ViewOf(bias), ViewOf(addRow), ViewOf(addTensor), y.View);
        return y;
    }

    private static void CheckConv2dWeight(Shape weight, DType type, DType storage, string op = nameof(PackConv2d))
    {
        if (weight.Rank != 4 || weight[2] != weight[3] || type == DType.I32 || storage == DType.I32)
        {
            throw new ShapeException(
                $"{op}: weight must be [Out, In, K, K] of floats, got {type.Name()} {weight} to be stored as " +
                $"{storage.Name()}");
        }
    }
}
