using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// Weight gradients of a convolution: for each tap of the kernel, the transposed x times dy, summed over the pixels.
/// One item is 32 outputs times some inputs times all taps; its sums <c>[inputs][taps][32]</c> stay in the second-level
/// cache until they are complete. x is read in place; of dy a block of pixels of 32 outputs is packed at a time.
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

    /// <summary>Tiles of inputs of the micro-kernel, and into how many blocks they are cut.</summary>
    public int Tiles, TileBlocks;

    /// <summary>Parts the blocks of pixels are cut into; more than one only with <see cref="Partial"/>.</summary>
    public int Splits;

    /// <summary><c>[Splits][panels][In][taps][32]</c>, or null when sums are finished by the item that makes them.</summary>
    public float* Partial;

    private readonly int OutPixels => Dims.OutHeight * Dims.OutWidth;

    private readonly int Taps => Dims.Kernel * Dims.Kernel;

    private readonly int Panels => (Dims.Out + Width - 1) / Width;

    /// <summary>Blocks of pixels of one image.</summary>
    private readonly int ImageBlocks => (OutPixels + BlockPixels - 1) / BlockPixels;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int worker)
    {
        (int rest, int panel) = Math.DivRem(item, Panels);
        (int split, int tileBlock) = Math.DivRem(rest, TileBlocks);
        (int firstTile, int endTile) = Part(Tiles, tileBlock, TileBlocks);
        int firstInput = Part(Dims.In, firstTile, Tiles).First, endInput = Part(Dims.In, endTile, Tiles).First;
        long sumCount = (long)(endInput - firstInput) * Taps * Width;
        float* packed = Team.Scratch(
            worker, (BlockPixels * Width) + sumCount + WeightGradientSums.StageCount(sumCount));
        float* sums = packed + (BlockPixels * Width);
        float* stage = sums + sumCount;
        if (Partial != null)
        {
            sums = Partial + ((((long)split * Panels) + panel) * Dims.In + firstInput) * Taps * Width;
        }

        new Span<float>(sums, checked((int)sumCount)).Clear();
        (int block, int endBlock) = Part(Dims.Batch * ImageBlocks, split, Splits);
        for (; block < endBlock; block++)
        {
            (int image, int blockOfImage) = Math.DivRem(block, ImageBlocks);
            (int first, int end) = Part(OutPixels, blockOfImage, ImageBlocks);
            float* dy = DY + (((long)image * OutPixels) * Dims.Out) + (panel * Width);
            Pack(dy, panel, first, end, packed);
            AddBlock(
                X + ((long)image * Dims.Height * Dims.Width * Dims.In), dy, panel, packed, first, end, firstTile,
                endTile, sums);
        }

        if (Partial == null)
        {
            Sums.Finish(sums, panel, firstInput, endInput - firstInput, stage);
        }
    }

    /// <summary>The part <paramref name="index"/> of <paramref name="count"/> cut into nearly equal parts.</summary>
    private static (int First, int End) Part(int count, int index, int parts) =>
        ((int)((long)count * index / parts), (int)((long)count * (index + 1) / parts));

    /// <summary>Some pixels of one panel of dy, zero beyond the last output.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Pack(float* dy, int panel, int first, int end, float* packed)
    {
        int width = Math.Min(Width, Dims.Out - (panel * Width));
        float* from = dy + ((long)first * Dims.Out);
        if (width == Width && Vector128.IsHardwareAccelerated)
        {
            for (int p = first; p < end; p++, from += Dims.Out, packed += Width)
            {
                Vector512.Load(from).Store(packed);
                Vector512.Load(from + 16).Store(packed + 16);
            }

            return;
        }

        for (int p = first; p < end; p++, from += Dims.Out, packed += Width)
        {
            new ReadOnlySpan<float>(from, width).CopyTo(new Span<float>(packed, Width));
            new Span<float>(packed + width, Width - width).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void AddBlock(
        float* x, float* dy, int panel, float* packed, int first, int end, int firstTile, int endTile, float* sums)
    {
        // Where lines of x and of y are equally long, pixel p of y meets pixel p + shift of x throughout the image, but
        // for the columns that a tap moves out of it: those are zero in the packed dy for the time of that tap.
        bool lineByLine = Dims.Stride != 1 || Dims.OutWidth != Dims.Width;
        for (int kx = 0; kx < Dims.Kernel; kx++)
        {
            int left = kx - Dims.Padding.Left;
            if (!lineByLine && left != 0)
            {
                SetEdge(dy, panel, packed, first, end, left, clear: true);
            }

            for (int ky = 0; ky < Dims.Kernel; ky++)
            {
                float* tapSums = sums + (((ky * Dims.Kernel) + kx) * Width);
                if (lineByLine)
                {
                    AddLines(x, packed, first, end, ky - Dims.Padding.Top, left, firstTile, endTile, tapSums);
                    continue;
                }

                int shift = ((ky - Dims.Padding.Top) * Dims.Width) + left;
                int from = Math.Max(first, -shift), to = Math.Min(end, (Dims.Height * Dims.Width) - shift);
                AddTiles(
                    x, from + shift, packed + ((long)(from - first) * Width), to - from, firstTile, endTile, tapSums);
            }

            if (!lineByLine && left != 0)
            {
                SetEdge(dy, panel, packed, first, end, left, clear: false);
            }
        }
    }

    /// <summary>Clears or restores the pixels whose column <paramref name="left"/> further lies outside of x.</summary>
    private readonly void SetEdge(float* dy, int panel, float* packed, int first, int end, int left, bool clear)
    {
        int width = Dims.Width;
        int columns = Math.Min(Math.Abs(left), width), column = left < 0 ? 0 : width - columns;
        for (int line = first / width * width; line < end; line += width)
        {
            int from = Math.Max(first, line + column), to = Math.Min(end, line + column + columns);
            if (from >= to)
            {
                continue;
            }

            float* edge = packed + ((long)(from - first) * Width);
            if (clear)
            {
                new Span<float>(edge, (to - from) * Width).Clear();
            }
            else
            {
                Pack(dy, panel, from, to, edge);
            }
        }
    }

    /// <summary>The stretches of a block that lie in one line of y each and meet x.</summary>
    private readonly void AddLines(
        float* x, float* packed, int first, int end, int top, int left, int firstTile, int endTile, float* sums)
    {
        int stride = Dims.Stride, outWidth = Dims.OutWidth;
        int firstColumn = Math.Max(0, CeilingOf(-left, stride));
        int endColumn = Math.Min(outWidth, CeilingOf(Dims.Width - left, stride));
        for (int line = first / outWidth; line * outWidth < end; line++)
        {
            int lineOfX = (line * stride) + top;
            if (lineOfX < 0 || lineOfX >= Dims.Height)
            {
                continue;
            }

            int from = Math.Max(first, (line * outWidth) + firstColumn);
            int to = Math.Min(end, (line * outWidth) + endColumn);
            int column = ((from - (line * outWidth)) * stride) + left;
            AddTiles(
                x, (lineOfX * Dims.Width) + column, packed + ((long)(from - first) * Width), to - from, firstTile,
                endTile, sums);
        }
    }

    /// <summary>A stretch of pixels of x, transposed, times the packed pixels, for some tiles of inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void AddTiles(
        float* x, int pixel, float* packed, int pixels, int firstTile, int endTile, float* sums)
    {
        if (pixels <= 0)
        {
            return;
        }

        float* a = x + ((long)pixel * Dims.In);
        nint strideX = (nint)Dims.Stride * Dims.In, strideSums = (nint)Taps * Width;
        int input = Part(Dims.In, firstTile, Tiles).First, firstInput = input;
        delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> kernel = Kernel.Transposed;
        for (int t = firstTile; t < endTile; t++)
        {
            int end = Part(Dims.In, t, Tiles).End;
            kernel(
                end - input, pixels, a + input, strideX, packed, sums + ((input - firstInput) * strideSums), strideSums,
                true, null);
            input = end;
        }
    }

    /// <summary>count / size, rounded up, for negative counts too.</summary>
    private static int CeilingOf(int count, int size) => count > 0 ? (count + size - 1) / size : -(-count / size);
}
