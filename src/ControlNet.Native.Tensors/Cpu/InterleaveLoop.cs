using System;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Puts images together from their phases: pixel (y, x) comes from pixel (y / Stride, x / Stride) of the phase
/// (y mod Stride, x mod Stride). One item is one line of the images.
/// </summary>
internal unsafe struct InterleaveLoop : IParallelWork
{
    /// <summary>
    /// The phases one after the other, each <c>[images][ceil((Height - py) / Stride)][ceil((Width - px) / Stride)]
    /// [Channels]</c>.
    /// </summary>
    public float* Source;

    /// <summary>Like the result, which it may be; or null.</summary>
    public float* AddTensor;

    /// <summary><c>[images][Height][Width][Channels]</c></summary>
    public float* Y;

    public int Images, Height, Width, Channels, Stride;

    /// <summary>
    /// Of the convolution, with the padding before the image: phases that no tap meets count as zeros.
    /// </summary>
    public int Kernel, OffsetY, OffsetX;

    /// <summary>Pixels of one dimension that belong to a phase.</summary>
    public static int PixelsOf(int extent, int stride, int phase) =>
        phase < extent ? (extent - phase + stride - 1) / stride : 0;

    public readonly void Run(int item, int worker)
    {
        (int image, int line) = Math.DivRem(item, Height);
        (int lineOfPhase, int phaseY) = Math.DivRem(line, Stride);
        long lineStart = (long)item * Width * Channels, before = 0;
        for (int py = 0; py < phaseY; py++)
        {
            before += (long)PixelsOf(Height, Stride, py) * Width;
        }

        int lines = PixelsOf(Height, Stride, phaseY);
        bool emptyLine = PackGradientLoop.TapsOf(Kernel, Stride, (phaseY + OffsetY) % Stride) == 0;
        before *= Images;
        for (int phaseX = 0; phaseX < Math.Min(Stride, Width); phaseX++)
        {
            int columns = PixelsOf(Width, Stride, phaseX);
            bool empty = emptyLine || PackGradientLoop.TapsOf(Kernel, Stride, (phaseX + OffsetX) % Stride) == 0;
            float* from = Source + ((before + ((((long)image * lines) + lineOfPhase) * columns)) * Channels);
            for (int x = 0; x < columns; x++)
            {
                long at = lineStart + ((((long)x * Stride) + phaseX) * Channels);
                Put(empty ? null : from + ((long)x * Channels), at);
            }

            before += (long)Images * lines * columns;
        }
    }

    private readonly void Put(float* source, long at)
    {
        Span<float> y = new(Y + at, Channels);
        if (AddTensor != null && AddTensor != Y)
        {
            new ReadOnlySpan<float>(AddTensor + at, Channels).CopyTo(y);
        }

        if (source == null)
        {
            if (AddTensor == null)
            {
                y.Clear();
            }
        }
        else if (AddTensor == null)
        {
            new ReadOnlySpan<float>(source, Channels).CopyTo(y);
        }
        else
        {
            AddLoop.Into(Y + at, source, Channels);
        }
    }
}
