using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// Convolution as an implicit product, forwards and backwards by one kernel, or forwards by one for tensor cores.
/// Packed weights are <c>[Out][K][K][In]</c>, those for the data gradient <c>[In][K][K][Out]</c> with the last tap
/// first.
/// </summary>
internal sealed partial class GpuConv2d(GpuLauncher launcher) : IConv2dKernels
{
    private static readonly KernelVariant[] s_conv2d = GpuTiles.Variants("conv2d", "conv2d");

    public Conv2dForm ChooseForm(int outChannels, int inChannels, int kernel, Conv2dUse? use) => Conv2dForm.Direct;

    public long PackedCount(int outChannels, int inChannels, int kernel, Conv2dForm form = Conv2dForm.Direct) =>
        checked((long)outChannels * inChannels * kernel * kernel);

    public void Pack(
        int outChannels, int inChannels, int kernel, BufferView weight, BufferView packed,
        Conv2dForm form = Conv2dForm.Direct) =>
        GpuTiles.Pack(launcher, outChannels, inChannels, kernel * kernel, turned: false, weight, packed);

    public void Forward(
        in Conv2dDims d, BufferView x, BufferView packed, BufferView bias, BufferView addRow, BufferView addTensor,
        BufferView y)
    {
        Call call = new()
        {
            Images = d.Batch,
            Lines = new Axis(d.OutHeight, d.Kernel, -d.Padding.Top, 0, 0),
            Pixels = new Axis(d.OutWidth, d.Kernel, -d.Padding.Left, 0, 0),
            Stride = d.Stride,
            Source = (d.Height, d.Width, d.In),
            Target = (d.OutHeight, d.OutWidth, d.Out),
            Kernel = d.Kernel,
            Activation = d.Activation,
        };
        Run(call, x, packed, bias, addRow, addTensor, y);
    }

    private void Run(
        in Call c, BufferView x, BufferView packed, BufferView bias, BufferView addRow, BufferView addTensor,
        BufferView y)
    {
        int columns = c.Target.Channels, rowsOfImage = checked(c.Lines.Count * c.Pixels.Count);
        int depth = checked(c.Lines.Taps * c.Pixels.Taps * c.Source.Channels);
        int parts = GpuTiles.Parts(rowsOfImage, columns, depth, out int partDepth);
        if (parts == 1 || c.TargetStep != 1)
        {
            Launch(c, 1, Math.Max(1, depth), c.Activation, x, packed, bias, addRow, addTensor, y);
            return;
        }

        long count = (long)c.Images * rowsOfImage * columns;
        BufferView summands = launcher.Scratch(DType.F32, parts * count, out MemoryBlock block);
        using (block)
        {
            Launch(
                c, parts, partDepth, Activation.None, x, packed, BufferView.None, BufferView.None, BufferView.None,
                summands);
            GpuTiles.Join(
                launcher, count, parts, columns, rowsOfImage, c.Activation, summands, bias, addRow, addTensor, y);
        }
    }

    private void Launch(
        in Call c, int parts, int partDepth, Activation activation, BufferView x, BufferView packed, BufferView bias,
        BufferView addRow, BufferView addTensor, BufferView y)
    {
        if (TryTensorCores(c, parts, partDepth, activation, x, packed, bias, addRow, addTensor, y))
        {
            return;
        }

        int columns = c.Target.Channels, rows = Rows(c);
        GpuTile tile = launcher.Tiles.For(GpuTiles.Choose(s_conv2d, x.Type, packed.Type, columns), rows, columns);
        launcher.Launch(
            tile.Kernel, tile.Grid(rows, columns, parts),
            x, packed, bias, addRow, addTensor, y, rows, c.Lines.Count, c.Pixels.Count, columns, c.Source.Height,
            c.Source.Width, c.Source.Channels, c.Lines.Taps, c.Pixels.Taps, c.Stride, c.Lines.First, c.Pixels.First,
            c.Kernel, c.Lines.Tap, c.Pixels.Tap, c.TapStep, c.Target.Height, c.Target.Width, c.TargetStep,
            c.Lines.Target, c.Pixels.Target, partDepth, (long)rows * columns, (int)activation, GpuTiles.Halves(y));
    }

    /// <summary>One dimension of a convolution.</summary>
    /// <param name="Count">Results along it.</param>
    /// <param name="Taps">Taps of each.</param>
    /// <param name="First">Where in the source the first tap of the first result lies; may be outside.</param>
    /// <param name="Tap">The first tap's place in the weight.</param>
    /// <param name="Target">The first result's place in the target.</param>
    private readonly record struct Axis(int Count, int Taps, int First, int Tap, int Target);

    /// <summary>A convolution with every so many taps of a kernel, to every so many pixels of a target.</summary>
    private readonly struct Call()
    {
        public int Images { get; init; }

        public Axis Lines { get; init; }

        public Axis Pixels { get; init; }

        /// <summary>From a result to the next, in the source.</summary>
        public int Stride { get; init; } = 1;

        /// <summary>From a tap to the next, in the weight.</summary>
        public int TapStep { get; init; } = 1;

        /// <summary>From a result to the next, in the target.</summary>
        public int TargetStep { get; init; } = 1;

        public (int Height, int Width, int Channels) Source { get; init; }

        public (int Height, int Width, int Channels) Target { get; init; }

        /// <summary>Extent of the whole weight.</summary>
        public int Kernel { get; init; }

        public Activation Activation { get; init; }
    }
}
