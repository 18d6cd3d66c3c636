using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Gradients of sums and of softmax.</content>
internal sealed unsafe partial class CpuReduce
{
    public void SumBackward(in AxisDims d, float scale, BufferView dy, BufferView dx)
    {
        SumBackwardWork work = new() { Dims = d, Scale = scale, DY = dy.Floats, DX = dx.Floats };
        team.For(Partition.Items(dx.Count, 1), ref work);
    }

    public void SoftmaxBackward(in AxisDims d, BufferView y, BufferView dy, BufferView dx)
    {
        if (d.Inner == 1)
        {
            RowSoftmaxBackwardWork rows = new()
            {
                Y = y.Floats, DY = dy.Floats, DX = dx.Floats, Rows = d.Outer, Length = d.Length,
            };
            team.For(Partition.Items(d.Outer, d.Length), ref rows);
            return;
        }

        ColumnSoftmaxBackwardWork columns = new() { Dims = d, Y = y.Floats, DY = dy.Floats, DX = dx.Floats };
        team.For(
            Partition.Items(d.Outer * columns.Strips, ColumnSoftmaxBackwardWork.Strip * (long)d.Length), ref columns);
    }

    private struct SumBackwardWork : IParallelWork
    {
        public AxisDims Dims;
        public float Scale;
        public float* DY, DX;

        public readonly void Run(int item, int worker)
        {
            (long at, long end) = Partition.Range(item, Dims.Outer * Dims.Length * Dims.Inner, 1);
            while (at < end)
            {
                // Where inner is 1 one element fills a run of the axis, else a run of elements is copied.
                long run = Dims.Inner == 1 ? Dims.Length : Dims.Inner;
                (long line, long column) = Math.DivRem(at, run);
                long count = Math.Min(run - column, end - at);
                if (Dims.Inner == 1)
                {
                    new Span<float>(DX + at, (int)count).Fill(Scale * DY[line]);
                }
                else
                {
                    Scaled(DY + (line / Dims.Length * Dims.Inner) + column, DX + at, count, Scale);
                }

                at += count;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Scaled(float* source, float* target, long count, float factor)
        {
            long i = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; i <= count - 16; i += 16)
                {
                    (Vector512.Load(source + i) * factor).Store(target + i);
                }
            }

            for (; i < count; i++)
            {
                target[i] = source[i] * factor;
            }
        }
    }

    private struct RowSoftmaxBackwardWork : IParallelWork
    {
        /// <summary>Products that are added in float32 before they join the sum in float64.</summary>
        private const int Run32 = 512;

        public float* Y, DY, DX;
        public long Rows;
        public int Length;

        public readonly void Run(int item, int worker)
        {
            (long row, long end) = Partition.Range(item, Rows, Length);
            for (; row < end; row++)
            {
                float* y = Y + (row * Length);
                float* dy = DY + (row * Length);
                Store(y, dy, DX + (row * Length), Length, (float)Dot(y, dy, Length));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static double Dot(float* y, float* dy, int count)
        {
            double sum = 0;
            int i = 0;
            while (Vector128.IsHardwareAccelerated && i <= count - 16)
            {
                int end = Math.Min(count - 15, i + Run32);
                Vector512<float> lanes = Vector512<float>.Zero;
                for (; i < end; i += 16)
                {
                    lanes = VectorMath.Fma(Vector512.Load(y + i), Vector512.Load(dy + i), lanes);
                }

                sum += Vector512.Sum(lanes);
            }

            for (; i < count; i++)
            {
                sum += (double)y[i] * dy[i];
            }

            return sum;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Store(float* y, float* dy, float* dx, int count, float dot)
        {
            int i = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                Vector512<float> dots = Vector512.Create(dot);
                for (; i <= count - 16; i += 16)
                {
                    (Vector512.Load(y + i) * (Vector512.Load(dy + i) - dots)).Store(dx + i);
                }
            }

            for (; i < count; i++)
            {
                dx[i] = y[i] * (dy[i] - dot);
            }
        }
    }

    private struct ColumnSoftmaxBackwardWork : IParallelWork
    {
        /// <summary>Columns of one step: the lanes of a vector.</summary>
        public const int Strip = 16;

        public AxisDims Dims;
        public float* Y, DY, DX;

        public readonly long Strips => (Dims.Inner + Strip - 1) / Strip;

        public readonly void Run(int item, int worker)
        {
            (long at, long end) = Partition.Range(item, Dims.Outer * Strips, Strip * (long)Dims.Length);
            for (; at < end; at++)
            {
                (long outer, long strip) = Math.DivRem(at, Strips);
                long start = (outer * Dims.Length * Dims.Inner) + (strip * Strip);
                int columns = (int)Math.Min(Strip, Dims.Inner - (strip * Strip));
                if (Vector128.IsHardwareAccelerated && columns == Strip)
                {
                    Lanes(Y + start, DY + start, DX + start);
                    continue;
                }

                for (int c = 0; c < columns; c++)
                {
                    Column(Y + start + c, DY + start + c, DX + start + c);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Lanes(float* y, float* dy, float* dx)
        {
            (int length, long step) = (Dims.Length, Dims.Inner);
            Vector512<double> low = Vector512<double>.Zero, high = Vector512<double>.Zero;
            for (int l = 0; l < length; l++)
            {
                (Vector512<double> a, Vector512<double> b) = Vector512.Widen(
                    Vector512.Load(y + (l * step)) * Vector512.Load(dy + (l * step)));
                low += a;
                high += b;
            }

            Vector512<float> dots = Vector512.Narrow(low, high);
            for (int l = 0; l < length; l++)
            {
                Vector512<float> g = Vector512.Load(y + (l * step)) * (Vector512.Load(dy + (l * step)) - dots);
                g.Store(dx + (l * step));
            }
        }

        private readonly void Column(float* y, float* dy, float* dx)
        {
            (int length, long step) = (Dims.Length, Dims.Inner);
            double sum = 0;
            for (int l = 0; l < length; l++)
            {
                sum += (double)y[l * step] * dy[l * step];
            }

            for (int l = 0; l < length; l++)
            {
                dx[l * step] = y[l * step] * (dy[l * step] - (float)sum);
            }
        }
    }
}
