using System;
using System.Runtime.CompilerServices;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>One item is one panel of one of several dense F32 matrices <c>[Depth][Columns]</c>.</summary>
internal unsafe struct PackMatrixLoop : IParallelWork
{
    private const int Width = GemmKernel.PanelColumns;

    public float* Source, Target;

    /// <summary>From one matrix to the next, in floats.</summary>
    public long SourceStep;

    public int Depth, Columns, Panels;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int worker)
    {
        (int matrix, int panel) = Math.DivRem(item, Panels);
        int width = Math.Min(Width, Columns - (panel * Width));
        float* from = Source + (matrix * SourceStep) + (panel * Width);
        float* to = Target + ((long)item * Depth * Width);
        for (int k = 0; k < Depth; k++)
        {
            new ReadOnlySpan<float>(from, width).CopyTo(new Span<float>(to, Width));
            if (width < Width)
            {
                new Span<float>(to + width, Width - width).Clear();
            }

            from += Columns;
            to += Width;
        }
    }
}
