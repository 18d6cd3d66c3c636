using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Softmax: the largest element, then the exponentials and their sum, then the quotients.</content>
internal sealed unsafe partial class CpuReduce
{
    public void Softmax(in AxisDims d, BufferView x, BufferView y)
    {
        if (d.Inner == 1)
        {
            RowSoftmaxWork work = new() { X = x.Floats, Y = y.Floats, Rows = d.Outer, Length = d.Length };
            team.For(Partition.Items(d.Outer, d.Length), ref work);
            return;
        }

        ColumnSoftmaxWork columns = new() { Dims = d, X = x.Floats, Y = y.Floats };
        team.For(Partition.Items(d.Outer * columns.Strips, ColumnSoftmaxWork.Strip * (long)d.Length), ref columns);
    }

    private struct RowSoftmaxWork : IParallelWork
    {
        /// <summary>Elements whose exponentials are added in float32 before they join the sum in float64.</summary>
        private const int Run32 = 512;

        public float* X, Y;
        public long Rows;
        public int Length;

        public readonly void Run(int item, int worker)
        {
            (long row, long end) = Partition.Range(item, Rows, Length);
            for (; row < end; row++)
            {
                float* x = X + (row * Length);
                float* y = Y + (row * Length);
                float largest = Largest(x, Length);
                double sum = Exponentials(x, y, Length, largest);
                Multiply(y, Length, (float)(1 / sum));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Largest(float* x, int count)
        {
            float largest = float.NegativeInfinity;
            int i = 0;
            if (Vector128.IsHardwareAccelerated && count >= 16)
            {
                Vector512<float> lanes = Vector512.Load(x);
                for (i = 16; i <= count - 16; i += 16)
                {
                    lanes = Vector512.MaxNative(lanes, Vector512.Load(x + i));
                }

                float* each = stackalloc float[16];
                lanes.Store(each);
                for (int lane = 0; lane < 16; lane++)
                {
                    largest = Math.Max(largest, each[lane]);
                }
            }

            for (; i < count; i++)
            {
                largest = Math.Max(largest, x[i]);
            }

            return largest;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static double Exponentials(float* x, float* y, int count, float largest)
        {
            double sum = 0;
            int i = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                Vector512<float> shift = Vector512.Create(largest);
                while (i <= count - 16)
                {
                    int end = Math.Min(count - 15, i + Run32);
                    Vector512<float> lanes = Vector512<float>.Zero;
                    for (; i < end; i += 16)
                    {
                        Vector512<float> e = VectorMath.Exp(Vector512.Load(x + i) - shift);
                        e.Store(y + i);
                        lanes += e;
                    }

                    sum += Vector512.Sum(lanes);
                }
            }

            for (; i < count; i++)
            {
                y[i] = MathF.Exp(x[i] - largest);
                sum += y[i];
            }

            return sum;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Multiply(float* y, int count, float factor)
        {
            int i = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                Vector512<float> factors = Vector512.Create(factor);
                for (; i <= count - 16; i += 16)
                {
                    (Vector512.Load(y + i) * factors).Store(y + i);
                }
            }

            for (; i < count; i++)
            {
                y[i] *= factor;
            }
        }
    }

    private struct ColumnSoftmaxWork : IParallelWork
    {
        /// <summary>Columns of one step: the lanes of a vector.</summary>
        public const int Strip = 16;

        public AxisDims Dims;
        public float* X, Y;

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
                    Lanes(X + start, Y + start);
                    continue;
                }

                for (int c = 0; c < columns; c++)
                {
                    Column(X + start + c, Y + start + c);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Lanes(float* x, float* y)
        {
            (int length, long step) = (Dims.Length, Dims.Inner);
            Vector512<float> largest = Vector512.Load(x);
            for (int l = 1; l < length; l++)
            {
                largest = Vector512.MaxNative(largest, Vector512.Load(x + (l * step)));
            }

            Vector512<double> low = Vector512<double>.Zero, high = Vector512<double>.Zero;
            for (int l = 0; l < length; l++)
            {
                Vector512<float> e = VectorMath.Exp(Vector512.Load(x + (l * step)) - largest);
                e.Store(y + (l * step));
                (Vector512<double> a, Vector512<double> b) = Vector512.Widen(e);
                low += a;
                high += b;
            }

            Vector512<float> factor = Vector512.Narrow(Vector512<double>.One / low, Vector512<double>.One / high);
            for (int l = 0; l < length; l++)
            {
                (Vector512.Load(y + (l * step)) * factor).Store(y + (l * step));
            }
        }

        private readonly void Column(float* x, float* y)
        {
            (int length, long step) = (Dims.Length, Dims.Inner);
            float largest = float.NegativeInfinity;
            for (int l = 0; l < length; l++)
            {
                largest = Math.Max(largest, x[l * step]);
            }

            double sum = 0;
            for (int l = 0; l < length; l++)
            {
                y[l * step] = MathF.Exp(x[l * step] - largest);
                sum += y[l * step];
            }

            float factor = (float)(1 / sum);
            for (int l = 0; l < length; l++)
            {
                y[l * step] *= factor;
            }
        }
    }
}
