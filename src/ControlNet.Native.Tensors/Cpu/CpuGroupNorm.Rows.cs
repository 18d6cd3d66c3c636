using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Layer norm: one pixel, one group. A row is read three times but fetched from memory once.</content>
internal sealed unsafe partial class CpuGroupNorm
{
    private struct RowsWork<TEpilogue> : IParallelWork
        where TEpilogue : struct, IEpilogue
    {
        public GroupNormDims Dims;
        public float* X, Gamma, Beta, Y;

        /// <summary>
        /// Rows that take each step together, and the floats they may have to stay in the nearest cache.
        /// </summary>
        private const int MostRowsAtOnce = 8, FloatsAtOnce = 2560;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            int channels = Dims.Channels, atOnce = Math.Clamp(FloatsAtOnce / channels, 1, MostRowsAtOnce);
            (long row, long end) = Partition.Range(item, Dims.Batch, channels);
            for (; row < end; row += atOnce)
            {
                int rows = (int)Math.Min(atOnce, end - row);
                float* x = X + (row * channels), y = Y + (row * channels);
                if (Avx512F.IsSupported && channels >= Lanes16.Count)
                {
                    Normalize<Lanes16, Vector512<float>>(x, rows, Gamma, Beta, channels, Dims.Eps, y);
                }
                else if (Vector128.IsHardwareAccelerated && channels >= Lanes8.Count)
                {
                    Normalize<Lanes8, Vector256<float>>(x, rows, Gamma, Beta, channels, Dims.Eps, y);
                }
                else
                {
                    for (int r = 0; r < rows; r++)
                    {
                        Normalize(x + (r * channels), Gamma, Beta, channels, Dims.Eps, y + (r * channels));
                    }
                }
            }
        }

        /// <summary>
        /// The steps of a row wait for one another, a sum across lanes, a root and a quotient each time; those of
        /// several rows do not. The second step asks for the lines of y, the third for the next rows of x: neither
        /// waits for memory itself, and without it the cache behind the nearest one would rest meanwhile.
        /// </summary>
        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Normalize<TLanes, TVector>(
            float* x, int rows, float* gamma, float* beta, int channels, float eps, float* y)
            where TLanes : struct, ILanes<TVector>
        {
            float* next = x + (rows * channels);
            float* means = stackalloc float[3 * MostRowsAtOnce];
            float* rstds = means + MostRowsAtOnce, shifts = rstds + MostRowsAtOnce;
            for (int r = 0; r < rows; r++)
            {
                means[r] = Mean<TLanes, TVector>(x + (r * channels), channels);
            }

            for (int r = 0; r < rows; r++)
            {
                (rstds[r], shifts[r]) = Spread<TLanes, TVector>(
                    x + (r * channels), channels, means[r], eps, y + (r * channels));
            }

            for (int r = 0; r < rows; r++)
            {
                Apply<TLanes, TVector>(
                    x + (r * channels), gamma, beta, channels, means[r], rstds[r], shifts[r], y + (r * channels),
                    next + (r * channels));
            }
        }

        /// <summary>The mean, with the rounding of a float32 sum.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Mean<TLanes, TVector>(float* x, int channels)
            where TLanes : struct, ILanes<TVector>
        {
            int whole = channels / TLanes.Count * TLanes.Count, pairs = whole - TLanes.Count, c = 0;
            TVector s0 = TLanes.Create(0f), s1 = s0;
            for (; c < pairs; c += 2 * TLanes.Count)
            {
                s0 = TLanes.Add(s0, TLanes.Load(x + c));
                s1 = TLanes.Add(s1, TLanes.Load(x + c + TLanes.Count));
            }

            if (c < whole)
            {
                s0 = TLanes.Add(s0, TLanes.Load(x + c));
            }

            float sum = TLanes.Sum(TLanes.Add(s0, s1));
            for (c = whole; c < channels; c++)
            {
                sum += x[c];
            }

            return sum / channels;
        }

        /// <summary>
        /// Measures what the mean still lacks, e, and corrects both mean and variance by it.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static (float Rstd, float Shift) Spread<TLanes, TVector>(
            float* x, int channels, float mean, float eps, float* y)
            where TLanes : struct, ILanes<TVector>
        {
            int whole = channels / TLanes.Count * TLanes.Count, pairs = whole - TLanes.Count, c = 0;
            TVector means = TLanes.Create(mean), e0 = TLanes.Create(0f), e1 = e0, q0 = e0, q1 = e0;
            for (; c < pairs; c += 2 * TLanes.Count)
            {
                TLanes.PrefetchLine(y + c);
                TLanes.PrefetchLine(y + c + TLanes.Count);
                TVector a = TLanes.Subtract(TLanes.Load(x + c), means);
                TVector b = TLanes.Subtract(TLanes.Load(x + c + TLanes.Count), means);
                e0 = TLanes.Add(e0, a);
                e1 = TLanes.Add(e1, b);
                q0 = TLanes.Fma(a, a, q0);
                q1 = TLanes.Fma(b, b, q1);
            }

            if (c < whole)
            {
                TVector a = TLanes.Subtract(TLanes.Load(x + c), means);
                e0 = TLanes.Add(e0, a);
                q0 = TLanes.Fma(a, a, q0);
            }

            double e = TLanes.Sum(TLanes.Add(e0, e1)), q = TLanes.Sum(TLanes.Add(q0, q1));
            for (c = whole; c < channels; c++)
            {
                float difference = x[c] - mean;
                e += difference;
                q += difference * difference;
            }

            return Spread(e, q, channels, eps);
        }

        /// <summary>y = act(((x - mean) rstd + shift) gamma + beta).</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Apply<TLanes, TVector>(
            float* x, float* gamma, float* beta, int channels, float mean, float rstd, float shift, float* y,
            float* next)
            where TLanes : struct, ILanes<TVector>
        {
            TVector means = TLanes.Create(mean), rstds = TLanes.Create(rstd), shifts = TLanes.Create(shift);
            int c = 0;
            for (; c <= channels - TLanes.Count; c += TLanes.Count)
            {
                TLanes.PrefetchLine(next + c);
                TVector normal = TLanes.Fma(TLanes.Subtract(TLanes.Load(x + c), means), rstds, shifts);
                TVector scaled = TLanes.Fma(normal, TLanes.Load(gamma + c), TLanes.Load(beta + c));
                TLanes.Store(TEpilogue.Apply<TLanes, TVector>(scaled), y + c);
            }

            Apply(x, gamma, beta, c, channels, mean, rstd, shift, y);
        }

        private static void Normalize(float* x, float* gamma, float* beta, int channels, float eps, float* y)
        {
            float sum = 0f;
            for (int c = 0; c < channels; c++)
            {
                sum += x[c];
            }

            float mean = sum / channels;
            double e = 0, q = 0;
            for (int c = 0; c < channels; c++)
            {
                float difference = x[c] - mean;
                e += difference;
                q += difference * difference;
            }

            (float rstd, float shift) = Spread(e, q, channels, eps);
            Apply(x, gamma, beta, 0, channels, mean, rstd, shift, y);
        }

        /// <summary>1 / deviation, and what is left of the mean in deviations, negated.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static (float Rstd, float Shift) Spread(double e, double q, int channels, float eps)
        {
            double left = e / channels;
            double rstd = 1 / Math.Sqrt(Math.Max(0, (q / channels) - (left * left)) + eps);
            return ((float)rstd, (float)(-left * rstd));
        }

        /// <summary>y = act(((x - mean) rstd + shift) gamma + beta).</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Apply(
            float* x, float* gamma, float* beta, int first, int channels, float mean, float rstd, float shift,
            float* y)
        {
            for (int c = first; c < channels; c++)
            {
                y[c] = TEpilogue.Apply(((((x[c] - mean) * rstd) + shift) * gamma[c]) + beta[c]);
            }
        }
    }
}
