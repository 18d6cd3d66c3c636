using System;
using System.Runtime.CompilerServices;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// Packs a weight <c>[Outputs][Inputs][Kernel][Kernel]</c> for the data gradient: transposed, so that panels hold
/// inputs and k runs over outputs, and flipped, so that taps come in the order in which a pixel of x meets lines of dy.
/// One item is some outputs of one panel.
/// </summary>
/// <remarks>
/// With a stride, a pixel of x meets only every stride-th tap, which ones depends on its phase, its position modulo the
/// stride. Each phase has panels of its own, <c>[ceil(Inputs / 32)][taps of the phase][Outputs][32]</c>, one phase
/// after the other; together they have every tap once.
/// </remarks>
internal unsafe struct PackGradientLoop : IParallelWork
{
    /// <summary>Outputs transposed at a time: their taps stay in the first-level cache.</summary>
    private const int BlockOutputs = 16;
    private const int Width = GemmKernel.PanelColumns;

    public WorkerTeam Team;
    public byte* Source, Target;
    public DType SourceType, TargetType;
    public int Outputs, Inputs, Kernel, Stride;

    /// <summary>Items of a panel.</summary>
    public readonly int Parts => GemmPack.PartsOf((Outputs + BlockOutputs - 1) / BlockOutputs, BlockOutputs * Taps);

    private readonly int Taps => Kernel * Kernel;

    /// <summary>Taps of one dimension that belong to a phase.</summary>
    public static int TapsOf(int kernel, int stride, int phase) =>
        phase < kernel ? (kernel - phase + stride - 1) / stride : 0;

    public readonly void Run(int index, int worker)
    {
        int parts = Parts;
        (int item, int part) = Math.DivRem(index, parts);
        (int first, int end) = GemmPack.Part(Outputs, BlockOutputs, part, parts);
        int width = Math.Min(Width, Inputs - (item * Width));
        long rowCount = (long)Width * Taps;
        float* widened = Team.Scratch(worker, rowCount + (rowCount * BlockOutputs));
        float* stage = widened + rowCount;
        for (int output = first; output < end; output += BlockOutputs)
        {
            int count = Math.Min(BlockOutputs, Outputs - output);
            if (width < Width)
            {
                new Span<float>(stage, checked((int)(rowCount * BlockOutputs))).Clear();
            }

            for (int o = 0; o < count; o++)
            {
                long row = ((((long)output + o) * Inputs) + (item * Width)) * Taps;
                float* source = (float*)Source + row;
                if (SourceType != DType.F32)
                {
                    HalfLanes.Widen(
                        SourceType, Source + (row * SourceType.ElementBytes()), widened, (long)width * Taps);
                    source = widened;
                }

                Transpose(source, width, stage + (o * Width), (long)count * Width);
            }

            Place(stage, item, output, count);
        }
    }

    /// <summary><c>[width][taps]</c> of one output to <c>[taps]</c> rows of 32 inputs.</summary>
    private readonly void Transpose(float* source, int width, float* stage, long stageStride)
    {
        if (Taps == 1)
        {
            new ReadOnlySpan<float>(source, width).CopyTo(new Span<float>(stage, width));
        }
        else
        {
            LaneTranspose.Scaled(source, Taps, width, Taps, 1, stage, stageStride);
        }
    }

    /// <summary>Each tap of some outputs to its phase and its place there, in the type of the panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Place(float* stage, int panel, int firstOutput, int outputs)
    {
        int panels = (Inputs + Width - 1) / Width;
        long tapsBefore = 0;
        for (int phaseY = 0; phaseY < Stride; phaseY++)
        {
            int tapsY = TapsOf(Kernel, Stride, phaseY);
            for (int phaseX = 0; phaseX < Stride; phaseX++)
            {
                int tapsX = TapsOf(Kernel, Stride, phaseX);
                for (int t = 0; t < tapsY * tapsX; t++)
                {
                    int ky = phaseY + ((tapsY - 1 - (t / tapsX)) * Stride);
                    int kx = phaseX + ((tapsX - 1 - (t % tapsX)) * Stride);
                    long row = (((tapsBefore * panels) + ((long)panel * tapsY * tapsX) + t) * Outputs) + firstOutput;
                    HalfLanes.Narrow(
                        TargetType, stage + ((((long)ky * Kernel) + kx) * outputs * Width),
                        Target + (row * Width * TargetType.ElementBytes()), (long)outputs * Width);
                }

                tapsBefore += (long)tapsY * tapsX;
            }
        }
    }
}
