using System;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Gradients of a convolution.</content>
internal sealed unsafe partial class CpuConv2d
{
    public long PackedGradientCount(int outChannels, int inChannels, int kernel, int stride) =>
        GemmPack.Count(checked((long)outChannels * kernel * kernel), inChannels);

    public void PackGradient(
        int outChannels, int inChannels, int kernel, int stride, BufferView weight, BufferView packed) =>
        GemmPack.GradientWeights(
            team, outChannels, inChannels, kernel, stride, weight.Type, weight.Address, packed.Type, packed.Address);

    public void DataGradient(in Conv2dDims d, BufferView dy, BufferView packed, BufferView addTensor, BufferView dx)
    {
        if (Transposed(d) is { } transposed)
        {
            Forward(transposed, dy, packed, BufferView.None, BufferView.None, addTensor, dx);
            return;
        }

        PhasesDataGradient(d, dy.Floats, packed, FloatsOrNull(addTensor), dx.Floats);
    }

    /// <summary>
    /// Bytes of the temporaries a gradient of x takes, in the order they are taken; 0 for one that is not.
    /// </summary>
    public (long First, long Second) DataGradientBytes(in Conv2dDims d)
    {
        if (Transposed(d) is { } transposed)
        {
            return (TemporaryBytes(transposed), 0);
        }

        (Window lines, Window columns) = Windows(d);
        return (GradientFrameBytes(d, lines, columns), PhasesBytes(d));
    }

    public void WeightGradient(in Conv2dDims d, BufferView x, BufferView dy, bool accumulate, BufferView dWeight)
    {
        WeightGradientDriver.Run(team, memory, AsOneLine(d), x.Floats, dy.Floats, accumulate, dWeight.Floats);
    }

    /// <summary>With a kernel of one pixel every pixel is one row, whichever line and image it belongs to.</summary>
    public static Conv2dDims AsOneLine(in Conv2dDims d) => d.Kernel == 1 && d.Stride == 1 && d.Padding == default
        ? d with { Batch = 1, Height = 1, Width = checked(d.Batch * d.Height * d.Width) }
        : d;

    /// <summary>
    /// The gradient of x as a convolution like any other, with the flipped and transposed weight; null where it is
    /// none.
    /// </summary>
    private static Conv2dDims? Transposed(in Conv2dDims d)
    {
        int reach = d.Kernel - 1;
        Padding p = new(
            reach - d.Padding.Top, reach - d.Padding.Bottom, reach - d.Padding.Left, reach - d.Padding.Right);
        return d.Stride == 1 && p.Top >= 0 && p.Bottom >= 0 && p.Left >= 0 && p.Right >= 0
            ? new Conv2dDims(d.Batch, d.OutHeight, d.OutWidth, d.Out, d.In, d.Kernel, 1, p, Activation.None)
            : null;
    }

    private static (Window Lines, Window Columns) Windows(in Conv2dDims d) =>
        (new(d.Kernel, d.Stride, d.Padding.Top, d.Height, d.OutHeight),
            new(d.Kernel, d.Stride, d.Padding.Left, d.Width, d.OutWidth));

    private static long GradientFrameBytes(in Conv2dDims d, in Window lines, in Window columns) =>
        checked((long)d.Batch * lines.Count * columns.Count * d.Out * sizeof(float));

    private static long PhasesBytes(in Conv2dDims d) =>
        checked((long)d.Batch * d.Height * d.Width * d.In * sizeof(float));

    /// <summary>
    /// Each phase of x, the pixels at one position modulo the stride, is a convolution of dy with the taps that meet
    /// it: of stride 1, hence an implicit product. All read one padded copy of dy; their results are put together at
    /// the end. Also serves stride 1 with more padding than the kernel reaches.
    /// </summary>
    private void PhasesDataGradient(in Conv2dDims d, float* dy, BufferView packed, float* addTensor, float* dx)
    {
        (Window lines, Window columns) = Windows(d);
        long frameLine = (long)columns.Count * d.Out;
        using MemoryBlock frame = memory.Allocate(GradientFrameBytes(d, lines, columns));
        PadLoop pad = new()
        {
            Source = dy,
            Frame = (float*)frame.HostAddress,
            Height = d.OutHeight,
            FrameLines = lines.Count,
            FirstLine = lines.First,
            LineFloats = (long)d.OutWidth * d.Out,
            FrameLineFloats = frameLine,
            LeftFloats = (long)-columns.First * d.Out,
        };
        team.For(checked(d.Batch * lines.Count), ref pad);

        using MemoryBlock phases = memory.Allocate(PhasesBytes(d));
        float* y = (float*)phases.HostAddress;
        for (int phaseY = 0; phaseY < d.Stride; phaseY++)
        {
            for (int phaseX = 0; phaseX < d.Stride; phaseX++)
            {
                RunPhase(d, lines.At(phaseY), columns.At(phaseX), pad, packed, y);
                y += (long)d.Batch * lines.At(phaseY).Pixels * columns.At(phaseX).Pixels * d.In;
            }
        }

        InterleaveLoop interleave = new()
        {
            Source = (float*)phases.HostAddress,
            AddTensor = addTensor,
            Y = dx,
            Images = d.Batch,
            Height = d.Height,
            Width = d.Width,
            Channels = d.In,
            Stride = d.Stride,
            Kernel = d.Kernel,
            OffsetY = d.Padding.Top,
            OffsetX = d.Padding.Left,
        };
        team.For(checked(d.Batch * d.Height), ref interleave);
    }

    private void RunPhase(in Conv2dDims d, Phase line, Phase column, in PadLoop frame, BufferView packed, float* y)
    {
        if (line.Taps == 0 || column.Taps == 0)
        {
            return;
        }

        // The panels of the phases before: all columns of taps for the lines of taps before, then those of this line.
        long tapsBefore = ((long)line.TapsBefore * d.Kernel) + ((long)line.Taps * column.TapsBefore);
        long elementsBefore = tapsBefore * GemmPack.Count(d.Out, d.In);
        GemmDriver.Run(team, new GemmProblem
        {
            A = frame.Frame + (line.FirstInFrame * frame.FrameLineFloats) + ((long)column.FirstInFrame * d.Out),
            StrideA = d.Out,
            LineRows = column.Pixels,
            ImageLines = line.Pixels,
            Images = d.Batch,
            LineStep = frame.FrameLineFloats,
            ImageStep = frame.FrameLines * frame.FrameLineFloats,
            Runs = line.Taps,
            RunDepth = checked(column.Taps * d.Out),
            RunStep = frame.FrameLineFloats,
            Panels = (byte*)packed.Address + (elementsBefore * packed.Type.ElementBytes()),
            PanelType = packed.Type,
            Columns = d.In,
            Y = y,
            Batch0 = 1,
            Batch1 = 1,
            Epilogue = TileEpilogue.None,
        });
    }

    /// <summary>One phase of one dimension.</summary>
    /// <param name="Pixels">Pixels of x in the phase.</param>
    /// <param name="Taps">Taps that meet it.</param>
    /// <param name="TapsBefore">Taps of the packed phases before its own.</param>
    /// <param name="FirstInFrame">Where in the padded dy the taps of its first pixel begin.</param>
    private readonly record struct Phase(int Pixels, int Taps, int TapsBefore, int FirstInFrame);

    /// <summary>What the phases of one dimension read of dy: all of it, and the zeros beyond its ends.</summary>
    private readonly struct Window
    {
        private readonly int _kernel, _stride, _padding, _extent;

        public Window(int kernel, int stride, int padding, int extent, int outExtent)
        {
            (_kernel, _stride, _padding, _extent) = (kernel, stride, padding, extent);
            int end = outExtent;
            for (int phase = 0; phase < stride; phase++)
            {
                int first = FirstOf(phase, out int taps);
                First = Math.Min(First, first);
                end = Math.Max(end, first + taps - 1 + InterleaveLoop.PixelsOf(extent, stride, phase));
            }

            Count = end - First;
        }

        /// <summary>First position of the frame in dy, 0 or less.</summary>
        public int First { get; }

        /// <summary>Positions in the frame.</summary>
        public int Count { get; }

        public Phase At(int phase)
        {
            int first = FirstOf(phase, out int taps), before = 0;
            for (int p = 0; p < (phase + _padding) % _stride; p++)
            {
                before += PackGradientLoop.TapsOf(_kernel, _stride, p);
            }

            return new Phase(InterleaveLoop.PixelsOf(_extent, _stride, phase), taps, before, first - First);
        }

        /// <summary>
        /// Pixel q of a phase is pixel phase + q * stride of x. Tap k meets it if k is of its phase shifted by the
        /// padding; the last such tap meets it from the first position of dy.
        /// </summary>
        private int FirstOf(int phase, out int taps)
        {
            (int position, int phaseOfTaps) = Math.DivRem(phase + _padding, _stride);
            taps = PackGradientLoop.TapsOf(_kernel, _stride, phaseOfTaps);
            return position - (taps - 1);
        }
    }
}
