using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

internal sealed partial class GpuConv2d
{
    private static readonly KernelVariant[] s_wgmma = WgmmaTiles.Variants("nv/conv2d_wgmma", "conv2d_wgmma");

    private void LaunchWgmma(
        KernelLaunch found, in Call c, int parts, Activation activation, BufferView x, BufferView packed,
        BufferView bias, BufferView addRow, BufferView addTensor, BufferView y)
    {
        int columns = c.Target.Channels, rows = Rows(c), taps = c.Kernel * c.Kernel, depth = taps * c.Source.Channels;
        int stages = checked((int)(taps * GpuGrid.Parts(c.Source.Channels, WgmmaTiles.Depth)));
        TensorMap pixels = TensorMap.OfImages(
            x, c.Images, c.Source.Height, c.Source.Width, c.Source.Channels, Walk(c), WgmmaTiles.Rows);
        TensorMap weights = TensorMap.OfLines(
            packed, depth, (columns, depth), (1, 0), (1, 0), found.Tile.Columns);
        launcher.Launch(
            found.Kernel, found.Grid, pixels, weights, bias, addRow, addTensor, y, rows, c.Lines.Count,
            c.Pixels.Count, columns, c.Source.Channels, c.Stride, c.Lines.First, c.Pixels.First, c.Kernel,
            (int)GpuGrid.Parts(stages, parts), (long)rows * columns, (int)activation, GpuTiles.Halves(y));
    }

    /// <summary>What <c>mma</c> takes, unless it goes further around an image than a map can tell.</summary>
    private static bool TakesWgmma(Operands o) => Takes(o) && Walk(o.Call).Fits && o.Call.Kernel <= byte.MaxValue;

    private static PixelWalk Walk(in Call c) => new(
        c.Pixels.First, c.Lines.First, Last(c.Pixels, c.Stride) - (c.Source.Width - 1),
        Last(c.Lines, c.Stride) - (c.Source.Height - 1), c.Stride);

    /// <summary>Where the first tap of the last result lies.</summary>
    private static int Last(Axis axis, int stride) => axis.First + ((axis.Count - 1) * stride);

    private static KernelLaunch ChooseWgmma(Operands o, GpuLimits limits) =>
        WgmmaTiles.Choose(s_wgmma, Rows(o.Call), o.Call.Target.Channels, o.Parts, limits.Units);
}
