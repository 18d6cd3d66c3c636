using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>
/// Gradients of layer norm. A row is a group of its own, so all it needs is in the cache while dx is stored: x and dy
/// are read from memory once. Gamma and beta collect from all rows, in blocks of rows that are joined in their order.
/// </content>
internal sealed unsafe partial class CpuGroupNorm
{
    private void BackwardRows<TDerivative>(in GroupNormDims d, in GradientBuffers buffers)
        where TDerivative : struct, IDerivative
    {
        RowsBackwardWork<TDerivative> work = new(d, buffers);
        bool parameters = buffers.DGamma != null || buffers.DBeta != null;

        // The memory of worker 0 is this thread's, and no item asks for scratch of its own.
        work.Sums = parameters ? (double*)team.Scratch(0, 4L * work.Items * d.Channels) : null;
        team.For(work.Items, ref work);
        for (int c = 0; parameters && c < d.Channels; c++)
        {
            double dBeta = 0, dGamma = 0;
            for (long item = 0; item < work.Items; item++)
            {
                double* sums = work.Sums + (item * 2 * d.Channels);
                dBeta += sums[c];
                dGamma += sums[d.Channels + c];
            }

            if (buffers.DBeta != null)
            {
                buffers.DBeta[c] = (float)dBeta;
            }

            if (buffers.DGamma != null)
            {
                buffers.DGamma[c] = (float)dGamma;
            }
        }
    }

    private struct RowsBackwardWork<TDerivative> : IParallelWork
        where TDerivative : struct, IDerivative
    {
        /// <summary>
        /// Rows whose gradients of gamma and beta are added in float32 before they join the sums in float64.
        /// </summary>
        private const int Block = 8;

        /// <summary>Elements of one item; each item has a row of sums for gamma and one for beta.</summary>
        private const int ItemElements = 40 * 1024;

        /// <summary>
        /// For each item the sums of g and of g n, one float64 for each channel; null where neither is wanted.
        /// </summary>
        public double* Sums;

        private readonly GroupNormDims _dims;
        private readonly GradientBuffers _buffers;
        private readonly int _rows;

        public RowsBackwardWork(in GroupNormDims d, in GradientBuffers buffers)
        {
            _dims = d;
            _buffers = buffers;
            _rows = Math.Max(1, ItemElements / Math.Max(1, d.Channels) / Block) * Block;
            Items = (int)(((long)d.Batch + _rows - 1) / _rows);
        }

        public readonly int Items { get; }

        [SkipLocalsInit]
        public readonly void Run(int item, int worker)
        {
            int channels = _dims.Channels;
            Row* rows = stackalloc Row[Block];
            double* sums = Sums == null ? null : Sums + ((long)item * 2 * channels);
            if (sums != null)
            {
                new Span<double>(sums, 2 * channels).Clear();
            }

            int end = (int)Math.Min(_dims.Batch, (item + 1L) * _rows);
            for (int first = item * _rows; first < end; first += Block)
            {
                int count = Math.Min(Block, end - first);
                for (int r = 0; r < count; r++)
                {
                    rows[r] = Statistics(_buffers.X + ((long)(first + r) * channels), channels);
                }

                // The sums come before dx, which may be written over dy.
                if (sums != null)
                {
                    AddParameters((long)first * channels, rows, count, sums);
                }

                for (int r = 0; _buffers.DX != null && r < count; r++)
                {
                    Store((long)(first + r) * channels, rows[r]);
                }
            }
        }

        /// <summary>Mean and rstd of one row as forward has them: n = (x - mean) rstd + shift.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly Row Statistics(float* x, int channels)
        {
            Vector512<float> lanes = Vector512<float>.Zero, more = lanes;
            int whole = Vector128.IsHardwareAccelerated ? channels / 16 * 16 : 0, c = 0;
            for (; c <= whole - 32; c += 32)
            {
                lanes += Vector512.Load(x + c);
                more += Vector512.Load(x + c + 16);
            }

            if (c < whole)
            {
                lanes += Vector512.Load(x + c);
            }

            float sum = whole > 0 ? Vector512.Sum(lanes + more) : 0;
            for (c = whole; c < channels; c++)
            {
                sum += x[c];
            }

            // The first mean may carry the rounding of a float32 sum; the second pass measures what is left of it.
            float mean = sum / channels;
            Vector512<float> means = Vector512.Create(mean), e = Vector512<float>.Zero, q = e, e1 = e, q1 = e;
            for (c = 0; c <= whole - 32; c += 32)
            {
                Vector512<float> a = Vector512.Load(x + c) - means, b = Vector512.Load(x + c + 16) - means;
                e += a;
                e1 += b;
                q = VectorMath.Fma(a, a, q);
                q1 = VectorMath.Fma(b, b, q1);
            }

            if (c < whole)
            {
                Vector512<float> a = Vector512.Load(x + c) - means;
                e += a;
                q = VectorMath.Fma(a, a, q);
            }

            double left = whole > 0 ? Vector512.Sum(e + e1) : 0, squares = whole > 0 ? Vector512.Sum(q + q1) : 0;
            for (c = whole; c < channels; c++)
            {
                float difference = x[c] - mean;
                left += difference;
                squares += difference * difference;
            }

            left /= channels;
            double rstd = 1 / Math.Sqrt(Math.Max(0, (squares / channels) - (left * left)) + _dims.Eps);
            return new Row(mean, (float)rstd, (float)(-left * rstd));
        }

        /// <summary>Adds g and g n of a few rows to the sums of each channel.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void AddParameters(long at, Row* rows, int count, double* sums)
        {
            int channels = _dims.Channels, c = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; c <= channels - 16; c += 16)
                {
                    Vector512<float> gamma = Vector512.Load(_buffers.Gamma + c);
                    Vector512<float> beta = Vector512.Load(_buffers.Beta + c);
                    Vector512<float> sum = Vector512<float>.Zero, product = Vector512<float>.Zero;
                    for (int r = 0; r < count; r++)
                    {
                        long from = at + ((long)r * channels) + c;
                        Vector512<float> normal = rows[r].Normal(Vector512.Load(_buffers.X + from));
                        Vector512<float> g = Vector512.Load(_buffers.DY + from);
                        if (typeof(TDerivative) != typeof(IdentityDerivative))
                        {
                            g *= TDerivative.Apply(VectorMath.Fma(normal, gamma, beta));
                        }

                        sum += g;
                        product = VectorMath.Fma(g, normal, product);
                    }

                    AddTo(sum, sums + c);
                    AddTo(product, sums + channels + c);
                }
            }

            for (; c < channels; c++)
            {
                for (int r = 0; r < count; r++)
                {
                    long from = at + ((long)r * channels) + c;
                    float normal = rows[r].Normal(_buffers.X[from]);
                    double g = _buffers.DY[from] * TDerivative.Apply((normal * _buffers.Gamma[c]) + _buffers.Beta[c]);
                    sums[c] += g;
                    sums[channels + c] += g * normal;
                }
            }
        }

        /// <summary>dx = rstd (h - mean of h - n * mean of h n), h = gamma g.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Store(long at, in Row row)
        {
            int channels = _dims.Channels, c = 0;
            float* x = _buffers.X + at;
            float* dy = _buffers.DY + at;
            double sum = 0, product = 0;
            if (Vector128.IsHardwareAccelerated && channels >= 16)
            {
                Vector512<float> sums = Vector512<float>.Zero, products = sums;
                for (; c <= channels - 16; c += 16)
                {
                    Vector512<float> normal = row.Normal(Vector512.Load(x + c)), h = Scaled(normal, dy, c);
                    sums += h;
                    products = VectorMath.Fma(h, normal, products);
                }

                (sum, product) = (Vector512.Sum(sums), Vector512.Sum(products));
            }

            for (; c < channels; c++)
            {
                float normal = row.Normal(x[c]), h = Scaled(normal, dy, c);
                sum += h;
                product += h * normal;
            }

            float meanH = (float)(sum / channels), meanHN = (float)(product / channels);
            float* dx = _buffers.DX + at;
            c = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; c <= channels - 16; c += 16)
                {
                    Vector512<float> normal = row.Normal(Vector512.Load(x + c)), h = Scaled(normal, dy, c);
                    Vector512<float> mean = VectorMath.Fma(normal, Vector512.Create(meanHN), Vector512.Create(meanH));
                    ((h - mean) * row.Rstd).Store(dx + c);
                }
            }

            for (; c < channels; c++)
            {
                float normal = row.Normal(x[c]), h = Scaled(normal, dy, c);
                dx[c] = (h - ((normal * meanHN) + meanH)) * row.Rstd;
            }
        }

        /// <summary>gamma g</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly Vector512<float> Scaled(Vector512<float> normal, float* dy, int c)
        {
            Vector512<float> gamma = Vector512.Load(_buffers.Gamma + c), h = gamma * Vector512.Load(dy + c);
            return typeof(TDerivative) == typeof(IdentityDerivative)
                ? h
                : h * TDerivative.Apply(VectorMath.Fma(normal, gamma, Vector512.Load(_buffers.Beta + c)));
        }

        private readonly float Scaled(float normal, float* dy, int c) =>
            _buffers.Gamma[c] * dy[c] * TDerivative.Apply((normal * _buffers.Gamma[c]) + _buffers.Beta[c]);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void AddTo(Vector512<float> more, double* sums)
        {
            (Vector512<double> low, Vector512<double> high) = Vector512.Widen(more);
            (Vector512.Load(sums) + low).Store(sums);
            (Vector512.Load(sums + 8) + high).Store(sums + 8);
        }

        private readonly record struct Row(float Mean, float Rstd, float Shift)
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public Vector512<float> Normal(Vector512<float> x) =>
                VectorMath.Fma(x - Vector512.Create(Mean), Vector512.Create(Rstd), Vector512.Create(Shift));

            public float Normal(float x) => ((x - Mean) * Rstd) + Shift;
        }
    }
}
