using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Sums along an axis. x is [outer, length, inner]: where inner is 1 the axis lies along the vectors, else the vectors
/// lie across it, 16 sums side by side.
/// </summary>
internal sealed unsafe partial class CpuReduce(WorkerTeam team) : IReduceKernels
{
    public void Sum(in AxisDims d, float scale, BufferView x, BufferView y)
    {
        if (d.Inner == 1)
        {
            SumRows(d, scale, x.Floats, y.Floats);
            return;
        }

        ColumnSumWork work = new() { Dims = d, Scale = scale, X = x.Floats, Y = y.Floats };
        team.For(Partition.Items(d.Outer * work.Strips, ColumnSumWork.Strip * (long)d.Length), ref work);
    }

    /// <summary>Long rows are cut into parts whose sums meet in float64 in the order of the parts.</summary>
    private void SumRows(in AxisDims d, float scale, float* x, float* y)
    {
        int parts = Math.Max(1, Partition.Items(d.Length, 1));
        double* sums = (double*)NativeMemory.Alloc((nuint)Math.Max(1, d.Outer * parts), sizeof(double));
        try
        {
            RowSumWork work = new() { X = x, Sums = sums, Rows = d.Outer, Length = d.Length, Parts = parts };
            team.For(Partition.Items(d.Outer * parts, d.Length / parts), ref work);
            for (long row = 0; row < d.Outer; row++)
            {
                double sum = 0;
                for (int part = 0; part < parts; part++)
                {
                    sum += sums[(row * parts) + part];
                }

                y[row] = (float)(sum * scale);
            }
        }
        finally
        {
            NativeMemory.Free(sums);
        }
    }

    private struct RowSumWork : IParallelWork
    {
        public float* X;
        public double* Sums;
        public long Rows;
        public int Length, Parts;

        public readonly void Run(int item, int worker)
        {
            (long at, long end) = Partition.Range(item, Rows * Parts, Length / Parts);
            for (; at < end; at++)
            {
                (long row, long part) = Math.DivRem(at, Parts);
                (long first, long last) = Partition.Range((int)part, Length, 1);
                Sums[at] = Total(X + (row * Length) + first, last - first);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static double Total(float* x, long count)
        {
            double sum = 0;
            long i = 0;
            if (Vector128.IsHardwareAccelerated && count >= 16)
            {
                Vector512<double> low = Vector512<double>.Zero, high = Vector512<double>.Zero;
                for (; i <= count - 16; i += 16)
                {
                    (Vector512<double> a, Vector512<double> b) = Vector512.Widen(Vector512.Load(x + i));
                    low += a;
                    high += b;
                }

                sum = Vector512.Sum(low + high);
            }

            for (; i < count; i++)
            {
                sum += x[i];
            }

            return sum;
        }
    }

    private struct ColumnSumWork : IParallelWork
    {
        /// <summary>Columns summed together: a few cache lines of every row.</summary>
        public const int Strip = 64;

        public AxisDims Dims;
        public float Scale;
        public float* X, Y;

        public readonly long Strips => (Dims.Inner + Strip - 1) / Strip;

        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            double* sums = stackalloc double[Strip];
            (long at, long end) = Partition.Range(item, Dims.Outer * Strips, Strip * (long)Dims.Length);
            for (; at < end; at++)
            {
                (long outer, long strip) = Math.DivRem(at, Strips);
                long first = strip * Strip;
                int columns = (int)Math.Min(Strip, Dims.Inner - first);
                new Span<double>(sums, columns).Clear();
                float* x = X + (outer * Dims.Length * Dims.Inner) + first;
                for (int l = 0; l < Dims.Length; l++, x += Dims.Inner)
                {
                    int c = 0;
                    if (Vector128.IsHardwareAccelerated)
                    {
                        for (; c <= columns - 16; c += 16)
                        {
                            (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.Load(x + c));
                            (Vector512.Load(sums + c) + low).Store(sums + c);
                            (Vector512.Load(sums + c + 8) + high).Store(sums + c + 8);
                        }
                    }

                    for (; c < columns; c++)
                    {
                        sums[c] += x[c];
                    }
                }

                float* y = Y + (outer * Dims.Inner) + first;
                for (int c = 0; c < columns; c++)
                {
                    y[c] = (float)(sums[c] * Scale);
                }
            }
        }
    }
}
