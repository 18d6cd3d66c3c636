using System;
using System.Runtime.CompilerServices;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>One item is one panel of a weight <c>[Outputs][Inputs][Area]</c> in any float type.</summary>
internal unsafe struct PackWeightsLoop : IParallelWork
{
    /// <summary>
    /// Inputs transposed at a time: short enough to stay in the cache, long enough to read whole lines.
    /// </summary>
    private const int BlockInputs = 32;
    private const int Width = GemmKernel.PanelColumns;

    public WorkerTeam Team;
    public byte* Source, Target;
    public DType SourceType, TargetType;
    public int Outputs, Inputs, Area;

    public readonly void Run(int item, int worker)
    {
        void* stage = Team.Scratch(worker, (long)BlockInputs * Area * Width);
        for (int input = 0; input < Inputs; input += BlockInputs)
        {
            int count = Math.Min(BlockInputs, Inputs - input);
            if (SourceType.ElementBytes() == sizeof(float))
            {
                Transpose((uint*)Source, item * Width, input, count, (uint*)stage);
            }
            else
            {
                Transpose((ushort*)Source, item * Width, input, count, (ushort*)stage);
            }

            for (int t = 0; t < Area; t++)
            {
                long at = ((((long)item * Area) + t) * Inputs + input) * Width;
                Convert(
                    (byte*)stage + ((long)t * count * Width * SourceType.ElementBytes()),
                    Target + (at * TargetType.ElementBytes()), (long)count * Width);
            }
        }
    }

    /// <summary>Some inputs of 32 outputs to <c>[Area][count][32]</c>; outputs beyond the last are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Transpose<T>(T* source, int firstOutput, int firstInput, int count, T* stage)
        where T : unmanaged
    {
        int outputs = Math.Min(Width, Outputs - firstOutput);
        if (outputs < Width)
        {
            new Span<T>(stage, count * Area * Width).Clear();
        }

        for (int o = 0; o < outputs; o++)
        {
            T* from = source + (((((long)firstOutput + o) * Inputs) + firstInput) * Area);
            for (int i = 0; i < count; i++)
            {
                for (int t = 0; t < Area; t++)
                {
                    stage[(((long)t * count) + i) * Width + o] = *from++;
                }
            }
        }
    }

    private readonly void Convert(void* source, void* target, long count)
    {
        if (SourceType == TargetType)
        {
            long bytes = count * SourceType.ElementBytes();
            Buffer.MemoryCopy(source, target, bytes, bytes);
        }
        else if (TargetType == DType.F32)
        {
            HalfLanes.Widen(SourceType, source, (float*)target, count);
        }
        else if (SourceType == DType.F32)
        {
            HalfLanes.Narrow(TargetType, (float*)source, target, count);
        }
        else if (SourceType == DType.F16)
        {
            HalfLanes.Convert<Binary16, Brain16>(source, target, count);
        }
        else
        {
            HalfLanes.Convert<Brain16, Binary16>(source, target, count);
        }
    }
}
