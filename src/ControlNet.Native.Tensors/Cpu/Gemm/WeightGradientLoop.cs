using System;
using System.Runtime.CompilerServices;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// Weight gradients of a convolution: for each tap of the kernel, the transposed x times dy, summed over the pixels.
/// One item is some outputs times some inputs times all taps; its sums <c>[panels][inputs][taps][32]</c> stay in the
/// second-level cache until they are complete. x is read in place; of dy a block of pixels is packed at a time.
/// </summary>
internal unsafe struct WeightGradientLoop : IParallelWork
{
    /// <summary>
    /// Pixels of a block: 256 times 32 outputs are 32 KiB, which leaves the first-level cache room for x and the sums.
    /// </summary>
    public const int BlockPixels = 256;

    private const int Width = GemmKernel.PanelColumns;

    public WorkerTeam Team;
    public GemmKernel Kernel;

    /// <summary>The forward convolution.</summary>
    public Conv2dDims Dims;

    /// <summary><c>[Batch][Height][Width][In]</c> and <c>[Batch][OutHeight][OutWidth][Out]</c></summary>
    public float* X, DY;

    /// <summary>Where finished sums go.</summary>
    public WeightGradientSums Sums;

    /// <summary>
    /// Tiles of inputs of the micro-kernel, and into how many blocks they are cut; of panels likewise.
    /// </summary>
    public int Tiles, TileBlocks, PanelBlocks;

    /// <summary>Parts the blocks of pixels are cut into; more than one only with <see cref="Partial"/>.</summary>
    public int Splits;

    /// <summary>
    /// <c>[Splits][panels][In][taps][32]</c>, or null when sums are finished by the item that makes them.
    /// </summary>
    public float* Partial;

    private readonly int OutPixels => Dims.OutHeight * Dims.OutWidth;

    private readonly int Taps => Dims.Kernel * Dims.Kernel;

    private readonly int Panels => (Dims.Out + Width - 1) / Width;

    /// <summary>Blocks of pixels of one image.</summary>
    private readonly int ImageBlocks => (OutPixels + BlockPixels - 1) / BlockPixels;

    /// <summary>
    /// Where lines of x and of y are equally long, pixel p of y meets pixel p + shift of x throughout the image.
    /// </summary>
    private readonly bool LineByLine => Dims.Stride != 1 || Dims.OutWidth != Dims.Width;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int worker)
    {
        (int rest, int panelBlock) = Math.DivRem(item, PanelBlocks);
        (int split, int tileBlock) = Math.DivRem(rest, TileBlocks);
        WeightGradientItem at = default;
        (at.FirstTile, at.EndTile) = Part(Tiles, tileBlock, TileBlocks);
        (at.FirstPanel, at.EndPanel) = Part(Panels, panelBlock, PanelBlocks);
        at.FirstInput = Part(Dims.In, at.FirstTile, Tiles).First;
        at.Inputs = Part(Dims.In, at.EndTile, Tiles).First - at.FirstInput;
        int panels = at.EndPanel - at.FirstPanel;
        long panelSums = (long)at.Inputs * Taps * Width, stageCount = WeightGradientSums.StageCount(panelSums);
        at.PackedDY = Team.Scratch(worker, (panels * (panelSums + (BlockPixels * Width))) + stageCount);
        float* stage = at.PackedDY + (panels * BlockPixels * Width);
        at.Sums = stage + stageCount;
        if (Partial != null)
        {
            // One panel at a time: the sums of an item are one stretch of the partial sums.
            at.Sums = Partial + ((((long)split * Panels) + at.FirstPanel) * Dims.In + at.FirstInput) * Taps * Width;
        }

        new Span<float>(at.Sums, checked((int)(panels * panelSums))).Clear();
        (int block, int endBlock) = Part(Dims.Batch * ImageBlocks, split, Splits);
        for (; block < endBlock; block++)
        {
            (int image, int blockOfImage) = Math.DivRem(block, ImageBlocks);
            (at.FirstPixel, at.EndPixel) = Part(OutPixels, blockOfImage, ImageBlocks);
            at.X = X + ((long)image * Dims.Height * Dims.Width * Dims.In);
            at.DY = DY + ((long)image * OutPixels * Dims.Out);
            AddBlock(at);
        }

        for (int panel = at.FirstPanel; Partial == null && panel < at.EndPanel; panel++)
        {
            Sums.Finish(at.Sums + ((panel - at.FirstPanel) * panelSums), panel, at.FirstInput, at.Inputs, stage);
        }
    }

    /// <summary>The part <paramref name="index"/> of <paramref name="count"/> cut into nearly equal parts.</summary>
    private static (int First, int End) Part(int count, int index, int parts) =>
        ((int)((long)count * index / parts), (int)((long)count * (index + 1) / parts));

    private readonly void AddBlock(WeightGradientItem at)
    {
        PackPixels.Panels(
            at.DY + ((long)at.FirstPixel * Dims.Out), Dims.Out, at.EndPixel - at.FirstPixel, at.FirstPanel, at.EndPanel,
            at.PackedDY, BlockPixels);
        float* packed = at.PackedDY, sums = at.Sums;
        for (int panel = at.FirstPanel; panel < at.EndPanel; panel++)
        {
            at.IsNarrow = Dims.Out - (panel * Width) <= GemmKernel.NarrowColumns;
            AddPanel(at, panel, packed, sums);
            packed += BlockPixels * Width;
            sums += (long)at.Inputs * Taps * Width;
        }
    }

    private readonly void AddPanel(in WeightGradientItem at, int panel, float* packed, float* sums)
    {
        for (int kx = 0; kx < Dims.Kernel; kx++)
        {
            // Columns that a tap moves out of the image are zero in the packed dy for the time of that tap.
            int left = kx - Dims.Padding.Left;
            bool hasEdge = !LineByLine && left != 0;
            if (hasEdge)
            {
                SetEdge(at, panel, packed, left, clear: true);
            }

            for (int ky = 0; ky < Dims.Kernel; ky++)
            {
                float* tapSums = sums + (((ky * Dims.Kernel) + kx) * Width);
                if (LineByLine)
                {
                    AddLines(at, packed, ky - Dims.Padding.Top, left, tapSums);
                    continue;
                }

                int shift = ((ky - Dims.Padding.Top) * Dims.Width) + left;
                int from = Math.Max(at.FirstPixel, -shift);
                int to = Math.Min(at.EndPixel, (Dims.Height * Dims.Width) - shift);
                AddTiles(at, from + shift, packed + ((long)(from - at.FirstPixel) * Width), to - from, tapSums);
            }

            if (hasEdge)
            {
                SetEdge(at, panel, packed, left, clear: false);
            }
        }
    }

    /// <summary>Clears or restores the pixels whose column <paramref name="left"/> further lies outside of x.</summary>
    private readonly void SetEdge(in WeightGradientItem at, int panel, float* packed, int left, bool clear)
    {
        int width = Dims.Width;
        int columns = Math.Min(Math.Abs(left), width), column = left < 0 ? 0 : width - columns;
        for (int line = at.FirstPixel / width * width; line < at.EndPixel; line += width)
        {
            int from = Math.Max(at.FirstPixel, line + column), to = Math.Min(at.EndPixel, line + column + columns);
            if (from >= to)
            {
                continue;
            }

            float* edge = packed + ((long)(from - at.FirstPixel) * Width);
            if (clear)
            {
                new Span<float>(edge, (to - from) * Width).Clear();
            }
            else
            {
                PackPixels.Panels(
                    at.DY + ((long)from * Dims.Out), Dims.Out, to - from, panel, panel + 1, edge, BlockPixels);
            }
        }
    }

    /// <summary>The stretches of a block that lie in one line of y each and meet x.</summary>
    private readonly void AddLines(in WeightGradientItem at, float* packed, int top, int left, float* sums)
    {
        int stride = Dims.Stride, outWidth = Dims.OutWidth;
        int firstColumn = Math.Max(0, CeilingOf(-left, stride));
        int endColumn = Math.Min(outWidth, CeilingOf(Dims.Width - left, stride));
        for (int line = at.FirstPixel / outWidth; line * outWidth < at.EndPixel; line++)
        {
            int lineOfX = (line * stride) + top;
            if (lineOfX < 0 || lineOfX >= Dims.Height)
            {
                continue;
            }

            int from = Math.Max(at.FirstPixel, (line * outWidth) + firstColumn);
            int to = Math.Min(at.EndPixel, (line * outWidth) + endColumn);
            int column = ((from - (line * outWidth)) * stride) + left;
            AddTiles(
                at, (lineOfX * Dims.Width) + column, packed + ((long)(from - at.FirstPixel) * Width), to - from, sums);
        }
    }

    /// <summary>A stretch of pixels of x, transposed, times the packed pixels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void AddTiles(in WeightGradientItem at, int pixel, float* packed, int pixels, float* sums)
    {
        if (pixels <= 0)
        {
            return;
        }

        float* a = at.X + ((long)pixel * Dims.In);
        int input = at.FirstInput;
        nint strideX = (nint)Dims.Stride * Dims.In, strideSums = (nint)Taps * Width;
        delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> kernel =
            at.IsNarrow ? Kernel.TransposedNarrow : Kernel.Transposed;
        for (int t = at.FirstTile; t < at.EndTile; t++)
        {
            int end = Part(Dims.In, t, Tiles).End;
            kernel(end - input, pixels, a + input, strideX, packed, sums, strideSums, true, null);
            sums += (end - input) * strideSums;
            input = end;
        }
    }

    /// <summary>count / size, rounded up, for negative counts too.</summary>
    private static int CeilingOf(int count, int size) => count > 0 ? (count + size - 1) / size : -(-count / size);
}
