using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Softmax: the largest element, then the exponentials and their sum, then the quotients.</content>
internal sealed unsafe partial class CpuReduce
{
    public void Softmax(in AxisDims d, BufferView x, BufferView y)
    {
        if (d.Inner == 1)
        {
            bool waits = d.Length <= RowSoftmaxWork.FloatsAtOnce;
            RowSoftmaxWork work = new()
            {
                X = x.Floats, Y = y.Floats, Rows = d.Outer, Length = d.Length,
                Streaming = waits && StreamingStores.Pay(y.Floats, y.Count, d.Length),
            };
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

        private const float Log2E = 1.44269504f;

        public float* X, Y;
        public long Rows;
        public int Length;

        /// <summary>
        /// Whether y goes past the caches; exponentials then wait on the stack, and a row is whole cache lines.
        /// </summary>
        public bool Streaming;

        private static ReadOnlySpan<float> ZerosAndOnes =>
        [
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        ];

        /// <summary>
        /// Rows that take each step together, and the floats they may have to stay in the nearest cache.
        /// </summary>
        public const int MostRowsAtOnce = 8, FloatsAtOnce = 4096;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            int length = Length, atOnce = Math.Clamp(FloatsAtOnce / length, 1, MostRowsAtOnce);
            (long row, long end) = Partition.Range(item, Rows, length);
            for (; row < end; row += atOnce)
            {
                int rows = (int)Math.Min(atOnce, end - row);
                float* x = X + (row * length), y = Y + (row * length);
                if (Avx512F.IsSupported && length >= Lanes16.Count)
                {
                    Weigh<Lanes16, Vector512<float>>(x, y, rows, length, Streaming);
                }
                else if (Vector128.IsHardwareAccelerated && length >= Lanes8.Count)
                {
                    Weigh<Lanes8, Vector256<float>>(x, y, rows, length, Streaming);
                }
                else
                {
                    for (int r = 0; r < rows; r++)
                    {
                        Weigh(x + (r * length), y + (r * length), length);
                    }
                }
            }

            StreamingStores.Fence(Streaming);
        }

        /// <summary>
        /// The steps of a row wait for its largest element and for its sum; those of several rows do not wait for each
        /// other. The last vector is the last of the row even where it overlaps the one before: it is kept aside from
        /// the first step to the last, so y may be x, and the lanes that were counted already are left out of the sum.
        /// </summary>
        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Weigh<TLanes, TVector>(float* x, float* y, int rows, int count, bool streaming)
            where TLanes : struct, ILanes<TVector>
        {
            float* waiting = stackalloc float[FloatsAtOnce];
            float* powers = streaming ? waiting : y, next = x + (rows * count);
            float* tails = stackalloc float[MostRowsAtOnce * 18];
            float* largest = tails + (MostRowsAtOnce * 16), factors = largest + MostRowsAtOnce;
            int last = count - TLanes.Count;
            for (int r = 0; r < rows; r++)
            {
                largest[r] = Largest<TLanes, TVector>(x + (r * count), last, tails + (r * 16));
            }

            for (int r = 0; r < rows; r++)
            {
                factors[r] = Exponentials<TLanes, TVector>(
                    x + (r * count), powers + (r * count), last, largest[r], tails + (r * 16), next + (r * count));
            }

            for (int r = 0; r < rows; r++)
            {
                float* from = powers + (r * count), to = y + (r * count);
                TVector factor = TLanes.Create(factors[r]);
                if (streaming)
                {
                    for (int i = 0; i < last; i += TLanes.Count)
                    {
                        TLanes.StoreStreaming(TLanes.Multiply(TLanes.Load(from + i), factor), to + i);
                    }

                    TLanes.StoreStreaming(TLanes.Multiply(TLanes.Load(tails + (r * 16)), factor), to + last);
                    continue;
                }

                for (int i = 0; i < last; i += TLanes.Count)
                {
                    TLanes.Store(TLanes.Multiply(TLanes.Load(to + i), factor), to + i);
                }

                TLanes.Store(TLanes.Multiply(TLanes.Load(tails + (r * 16)), factor), to + last);
            }
        }

        /// <summary>The largest of a row, whose last vector goes into <paramref name="tail"/>.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Largest<TLanes, TVector>(float* x, int last, float* tail)
            where TLanes : struct, ILanes<TVector>
        {
            TVector most = TLanes.Load(x + last), most2 = most;
            TLanes.Store(most, tail);
            int i = 0;
            for (; i < last - TLanes.Count; i += 2 * TLanes.Count)
            {
                most = TLanes.Max(most, TLanes.Load(x + i));
                most2 = TLanes.Max(most2, TLanes.Load(x + i + TLanes.Count));
            }

            if (i < last)
            {
                most = TLanes.Max(most, TLanes.Load(x + i));
            }

            return TLanes.Largest(TLanes.Max(most, most2));
        }

        /// <summary>
        /// Writes the exponentials and returns 1 over their sum. The largest is taken off before the product with
        /// log2(e): the difference is exact where it matters.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Exponentials<TLanes, TVector>(
            float* x, float* y, int last, float largest, float* tail, float* next)
            where TLanes : struct, ILanes<TVector>
        {
            TVector shift = TLanes.Create(largest), log2E = TLanes.Create(Log2E);
            double sum = 0;
            int i = 0;
            while (i < last)
            {
                int end = Math.Min(last, i + Run32);
                TVector lanes = TLanes.Create(0f);
                for (; i < end; i += TLanes.Count)
                {
                    TLanes.PrefetchLine(next + i);
                    TVector e = VectorMath.FastExp2<TLanes, TVector>(
                        TLanes.Multiply(TLanes.Subtract(TLanes.Load(x + i), shift), log2E));
                    TLanes.Store(e, y + i);
                    lanes = TLanes.Add(lanes, e);
                }

                sum += TLanes.Sum(lanes);
            }

            // The first i - last lanes of the tail are in the sum already.
            TVector rest = VectorMath.FastExp2<TLanes, TVector>(
                TLanes.Multiply(TLanes.Subtract(TLanes.Load(tail), shift), log2E));
            TLanes.Store(rest, tail);
            float* counted = (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(ZerosAndOnes)) + 16 - (i - last);
            return (float)(1 / (sum + TLanes.Sum(TLanes.Multiply(rest, TLanes.Load(counted)))));
        }

        private static void Weigh(float* x, float* y, int count)
        {
            float largest = float.NegativeInfinity;
            for (int i = 0; i < count; i++)
            {
                largest = Math.Max(largest, x[i]);
            }

            double sum = 0;
            for (int i = 0; i < count; i++)
            {
                y[i] = MathF.Exp(x[i] - largest);
                sum += y[i];
            }

            float factor = (float)(1 / sum);
            for (int i = 0; i < count; i++)
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
