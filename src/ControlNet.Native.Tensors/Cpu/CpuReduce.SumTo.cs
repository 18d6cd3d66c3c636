using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>
/// Sums over the axes an operand was repeated along. One axis at a time, the innermost first: it leaves the least for
/// the next, and a second one is rare.
/// </content>
internal sealed unsafe partial class CpuReduce
{
    public void SumTo(in SumToDims d, float scale, BufferView x, BufferView y)
    {
        ReadOnlySpan<AxisDims> axes =
        [
            new(d.First * d.Outer * d.Length * d.Inner, d.Last, 1),
            new(d.First * d.Outer, d.Length, d.Inner),
            new(1, d.First, d.Outer * d.Inner),
        ];
        float* from = x.Floats;
        float* between = null;
        try
        {
            int left = (d.Last != 1 ? 1 : 0) + (d.Length != 1 ? 1 : 0) + (d.First != 1 ? 1 : 0);
            foreach (AxisDims axis in axes)
            {
                if (axis.Length == 1)
                {
                    continue;
                }

                left--;
                float* to = y.Floats;
                if (left > 0)
                {
                    to = between = (float*)NativeMemory.AlignedAlloc(
                        checked((nuint)Math.Max(1, axis.Outer * axis.Inner) * sizeof(float)), 64);
                }

                SumAxis(axis, left > 0 ? 1 : scale, from, to);
                from = to;
            }

            if (from == x.Floats)
            {
                SumBackwardWork copy = new()
                {
                    Dims = new AxisDims(1, 1, y.Count), Scale = scale, DY = from, DX = y.Floats,
                };
                team.For(Partition.Items(y.Count, 1), ref copy);
            }
        }
        finally
        {
            NativeMemory.AlignedFree(between);
        }
    }

    private void SumAxis(in AxisDims d, float scale, float* x, float* y)
    {
        if (d.Inner == 1)
        {
            SumRows(d, scale, x, y);
            return;
        }

        LineSumWork lines = new(d, x);
        double* sums = (double*)NativeMemory.AlignedAlloc(
            checked((nuint)Math.Max(1, d.Outer * lines.Parts * d.Inner) * sizeof(double)), 64);
        try
        {
            lines.Sums = sums;
            team.For(lines.Items, ref lines);
            for (long outer = 0; outer < d.Outer; outer++)
            {
                double* joined = sums + (outer * lines.Parts * d.Inner);
                for (long i = 0; i < d.Inner; i++)
                {
                    double sum = joined[i];
                    for (int part = 1; part < lines.Parts; part++)
                    {
                        sum += joined[(part * d.Inner) + i];
                    }

                    y[(outer * d.Inner) + i] = (float)(sum * scale);
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(sums);
        }
    }

    /// <summary>
    /// Sums across lines of x, <c>[outer, length, inner]</c>: an item adds some whole lines, read as they lie in
    /// memory, to a line of float64 of its own.
    /// </summary>
    private struct LineSumWork : IParallelWork
    {
        /// <summary>Lines whose elements are added in float32 before they join the sums in float64.</summary>
        private const int Block = 8;

        /// <summary>Most columns of one item; their sums stay in the first-level cache.</summary>
        private const int WidestStrip = 1024;

        /// <summary>Elements of one item.</summary>
        private const int PartElements = 64 * 1024;

        /// <summary><c>[outer][parts][inner]</c></summary>
        public double* Sums;

        private readonly AxisDims _dims;
        private readonly float* _x;
        private readonly int _partLines, _strips;

        public LineSumWork(in AxisDims d, float* x)
        {
            _dims = d;
            _x = x;
            _strips = (int)Math.Max(1, (d.Inner + WidestStrip - 1) / WidestStrip);
            long width = Math.Max(1, Math.Min(d.Inner, WidestStrip));
            _partLines = Math.Max(Block, (int)(PartElements / width) / Block * Block);
            Parts = Math.Max(1, (int)(((long)d.Length + _partLines - 1) / _partLines));
        }

        public readonly int Parts { get; }

        public readonly int Items => checked((int)(_dims.Outer * Parts * _strips));

        public readonly void Run(int item, int worker)
        {
            (int outerPart, int strip) = Math.DivRem(item, _strips);
            (int outer, int part) = Math.DivRem(outerPart, Parts);
            long column = strip * (long)WidestStrip;
            int width = (int)Math.Min(WidestStrip, _dims.Inner - column), first = part * _partLines;
            int lines = Math.Min(_partLines, _dims.Length - first);
            float* x = _x + ((((long)outer * _dims.Length) + first) * _dims.Inner) + column;
            double* sums = Sums + (outerPart * _dims.Inner) + column;
            new Span<double>(sums, width).Clear();
            for (int line = 0; line < lines; line += Block)
            {
                Add(x + (line * _dims.Inner), Math.Min(Block, lines - line), width, _dims.Inner, sums);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Add(float* x, int lines, int width, long step, double* sums)
        {
            int c = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; c <= width - 16; c += 16)
                {
                    Vector512<float> sum = Vector512.Load(x + c);
                    for (int line = 1; line < lines; line++)
                    {
                        sum += Vector512.Load(x + (line * step) + c);
                    }

                    (Vector512<double> low, Vector512<double> high) = Vector512.Widen(sum);
                    (Vector512.Load(sums + c) + low).Store(sums + c);
                    (Vector512.Load(sums + c + 8) + high).Store(sums + c + 8);
                }
            }

            for (; c < width; c++)
            {
                for (int line = 0; line < lines; line++)
                {
                    sums[c] += x[(line * step) + c];
                }
            }
        }
    }
}
