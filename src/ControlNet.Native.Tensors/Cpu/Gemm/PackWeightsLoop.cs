using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// One item is some inputs of one panel of a weight <c>[Outputs][Inputs][Area]</c> in any float type.
/// </summary>
internal unsafe struct PackWeightsLoop : IParallelWork
{
    /// <summary>
    /// Inputs transposed at a time: short enough for the first-level cache, long enough to read whole lines.
    /// </summary>
    private const int BlockInputs = 16;
    private const int Width = GemmKernel.PanelColumns;

    public WorkerTeam Team;
    public byte* Source, Target;
    public DType SourceType, TargetType;
    public int Outputs, Inputs, Area;

    /// <summary>Items of a panel: a small model's weights have one panel or two, too few to share.</summary>
    public readonly int Parts => GemmPack.PartsOf((Inputs + BlockInputs - 1) / BlockInputs, BlockInputs * Area);

    public readonly void Run(int index, int worker)
    {
        int parts = Parts;
        (int item, int part) = Math.DivRem(index, parts);
        (int first, int end) = GemmPack.Part(Inputs, BlockInputs, part, parts);
        int outputs = Math.Min(Width, Outputs - (item * Width));
        long blockCount = (long)BlockInputs * Area * Width;
        float* stage = Team.Scratch(worker, 3 * blockCount), widened = stage + blockCount, row = widened + blockCount;
        new Span<float>(stage, checked((int)blockCount)).Clear();
        for (int input = first; input < end; input += BlockInputs)
        {
            int count = Math.Min(BlockInputs, Inputs - input);
            long start = ((((long)item * Width) * Inputs) + input) * Area, stride = (long)Inputs * Area;
            float* source = (float*)Source + start;
            if (SourceType != DType.F32)
            {
                for (int o = 0; o < outputs; o++)
                {
                    HalfLanes.Widen(
                        SourceType, Source + ((start + (o * stride)) * SourceType.ElementBytes()),
                        widened + ((long)o * count * Area), (long)count * Area);
                }

                source = widened;
                stride = (long)count * Area;
            }

            // [outputs][count][Area] to [count][Area][32]; outputs beyond the last stay zero.
            LaneTranspose.Scaled(source, stride, outputs, count * Area, 1, stage, Width);
            for (int t = 0; t < Area; t++)
            {
                long at = ((((long)item * Area) + t) * Inputs + input) * Width;
                if (TargetType == DType.F32)
                {
                    Gather(stage + (t * Width), count, (float*)Target + at);
                }
                else
                {
                    Gather(stage + (t * Width), count, row);
                    HalfLanes.Narrow(TargetType, row, Target + (at * TargetType.ElementBytes()), (long)count * Width);
                }
            }
        }
    }

    /// <summary>The rows of one element of the area, <see cref="Area"/> rows apart, one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Gather(float* rows, int count, float* target)
    {
        for (int i = 0; i < count; i++, rows += (long)Area * Width, target += Width)
        {
            if (Vector128.IsHardwareAccelerated)
            {
                Vector512.Load(rows).Store(target);
                Vector512.Load(rows + 16).Store(target + 16);
            }
            else
            {
                new ReadOnlySpan<float>(rows, Width).CopyTo(new Span<float>(target, Width));
            }
        }
    }
}
