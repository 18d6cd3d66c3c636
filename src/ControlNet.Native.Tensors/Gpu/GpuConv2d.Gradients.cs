using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <content>Gradients of a convolution.</content>
internal sealed partial class GpuConv2d
{
    /// <summary>Those for float32, which activations are.</summary>
    private static readonly KernelVariant[] s_weightGradient =
        GpuTiles.Variants("conv2d", "conv2d_weight_gradient")[..2];

    public long PackedGradientCount(int outChannels, int inChannels, int kernel, int stride) =>
        PackedCount(outChannels, inChannels, kernel);

    public void PackGradient(
        int outChannels, int inChannels, int kernel, int stride, BufferView weight, BufferView packed) =>
        GpuTiles.Pack(launcher, outChannels, inChannels, kernel * kernel, turned: true, weight, packed);

    /// <summary>
    /// Each phase of x, the pixels at one position modulo the stride, is a convolution of dy, of stride 1, with the
    /// taps that meet it.
    /// </summary>
    public void DataGradient(in Conv2dDims d, BufferView dy, BufferView packed, BufferView addTensor, BufferView dx)
    {
        Call call = new()
        {
            Images = d.Batch,
            TapStep = d.Stride,
            TargetStep = d.Stride,
            Source = (d.OutHeight, d.OutWidth, d.Out),
            Target = (d.Height, d.Width, d.In),
            Kernel = d.Kernel,
        };
        for (int line = 0; line < Math.Min(d.Stride, d.Height); line++)
        {
            for (int pixel = 0; pixel < Math.Min(d.Stride, d.Width); pixel++)
            {
                Call phase = call with
                {
                    Lines = Phase(line, d.Kernel, d.Stride, d.Padding.Top, d.Height),
                    Pixels = Phase(pixel, d.Kernel, d.Stride, d.Padding.Left, d.Width),
                };
                Run(phase, dy, packed, BufferView.None, BufferView.None, addTensor, dx);
            }
        }
    }

    public void WeightGradient(in Conv2dDims d, BufferView x, BufferView dy, bool accumulate, BufferView dWeight)
    {
        int columns = checked(d.Kernel * d.Kernel * d.In), pixels = checked(d.Batch * d.OutHeight * d.OutWidth);
        int parts = GpuTiles.Parts(d.Out, columns, pixels, out int partDepth);
        BufferView before = accumulate ? dWeight : BufferView.None;
        if (parts == 1)
        {
            LaunchWeightGradient(d, 1, partDepth, x, dy, before, dWeight);
            return;
        }

        long count = (long)d.Out * columns;
        BufferView summands = launcher.Scratch(DType.F32, parts * count, out MemoryBlock block);
        using (block)
        {
            LaunchWeightGradient(d, parts, partDepth, x, dy, BufferView.None, summands);
            GpuTiles.Join(
                launcher, count, parts, columns, 1, Activation.None, summands, BufferView.None, BufferView.None, before,
                dWeight);
        }
    }

    private void LaunchWeightGradient(
        in Conv2dDims d, int parts, int partDepth, BufferView x, BufferView dy, BufferView before, BufferView dWeight)
    {
        int columns = d.Kernel * d.Kernel * d.In;
        launcher.Launch(
            GpuTiles.Choose(s_weightGradient, DType.F32, DType.F32, columns), GpuTiles.Grid(d.Out, columns, parts),
            x, dy, before, dWeight, d.Out, d.Height, d.Width, d.In, d.Kernel, d.Stride, d.Padding.Top, d.Padding.Left,
            d.OutHeight, d.OutWidth, d.Batch * d.OutHeight * d.OutWidth, partDepth, (long)d.Out * columns);
    }

    /// <summary>
    /// Pixel q of a phase is pixel phase + q * stride of x. The taps that meet it are those of its phase shifted by the
    /// padding; the last of them, first in the turned weight, meets it from the lowest position of dy.
    /// </summary>
    private static Axis Phase(int phase, int kernel, int stride, int padding, int extent)
    {
        (int position, int firstTap) = Math.DivRem(phase + padding, stride);
        int taps = firstTap < kernel ? (kernel - firstTap + stride - 1) / stride : 0;
        return new Axis(
            (extent - phase + stride - 1) / stride, taps, position - (taps - 1),
            kernel - 1 - firstTap - ((taps - 1) * stride), phase);
    }
}
