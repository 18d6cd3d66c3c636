using System;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// Takes finished sums <c>[inputs][taps][32]</c> to the weight gradient <c>[Out][In][taps]</c>, where the sums of one
/// output are one stretch: a plain transpose of a matrix of 32 columns.
/// </summary>
internal unsafe struct WeightGradientSums
{
    private const int Width = GemmKernel.PanelColumns;

    /// <summary>Outputs transposed at a time.</summary>
    private const int Lines = 8;

    /// <summary><c>[Out][In][Taps]</c></summary>
    public float* DWeight;

    public int Out, In, Taps;

    /// <summary>Whether the sums are added to what is there.</summary>
    public bool Accumulate;

    /// <summary>Floats that <see cref="Finish"/> needs for a number of sums.</summary>
    public static long StageCount(long sumCount) => sumCount / Width * Lines;

    /// <summary>Writes the sums of some inputs and 32 outputs.</summary>
    /// <param name="sums"><c>[inputs][taps][32]</c></param>
    /// <param name="panel">Which 32 outputs.</param>
    /// <param name="firstInput">The first of the inputs.</param>
    /// <param name="inputs">Number of inputs.</param>
    /// <param name="stage">As much as <see cref="StageCount"/> says.</param>
    public readonly void Finish(float* sums, int panel, int firstInput, int inputs, float* stage)
    {
        int outputs = Math.Min(Width, Out - (panel * Width)), count = inputs * Taps;
        long stride = (long)In * Taps;
        float* target = DWeight + (panel * Width * stride) + ((long)firstInput * Taps);
        for (int o = 0; o < outputs; o += Lines, target += Lines * stride)
        {
            int lines = Math.Min(Lines, outputs - o);
            if (!Accumulate)
            {
                LaneTranspose.Scaled(sums + o, Width, count, lines, 1, target, stride);
                continue;
            }

            LaneTranspose.Scaled(sums + o, Width, count, lines, 1, stage, count);
            for (int line = 0; line < lines; line++)
            {
                AddLoop.Into(target + (line * stride), stage + ((long)line * count), count);
            }
        }
    }
}
