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

        public readonly void Run(int item, int worker)
        {
            int channels = Dims.Channels;
            (long row, long end) = Partition.Range(item, Dims.Batch, channels);
            for (; row < end; row++)
            {
                float* x = X + (row * channels), y = Y + (row * channels);
                if (Avx512F.IsSupported && channels >= Lanes16.Count)
                {
                    Normalize<Lanes16, Vector512<float>>(x, Gamma, Beta, channels, Dims.Eps, y);
                }
                else if (Vector128.IsHardwareAccelerated && channels >= Lanes8.Count)
                {
                    Normalize<Lanes8, Vector256<float>>(x, Gamma, Beta, channels, Dims.Eps, y);
                }
                else
                {
                    Normalize(x, Gamma, Beta, channels, Dims.Eps, y);
                }
            }
        }

        /// <summary>
        /// The first mean may carry the rounding of a float32 sum; the second pass measures what is left of it, e, and
        /// both mean and variance are corrected by it. Neighbouring rows do not wait for each other's sums, so the
        /// processor overlaps them; what matters is that each pass is short.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Normalize<TLanes, TVector>(
            float* x, float* gamma, float* beta, int channels, float eps, float* y)
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

            float mean = sum / channels;
            TVector means = TLanes.Create(mean), e0 = TLanes.Create(0f), e1 = e0, q0 = e0, q1 = e0;
            for (c = 0; c < pairs; c += 2 * TLanes.Count)
            {
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

            (float rstd, float shift) = Spread(e, q, channels, eps);
            TVector rstds = TLanes.Create(rstd), shifts = TLanes.Create(shift);
            for (c = 0; c < whole; c += TLanes.Count)
            {
                TVector normal = TLanes.Fma(TLanes.Subtract(TLanes.Load(x + c), means), rstds, shifts);
                TVector scaled = TLanes.Fma(normal, TLanes.Load(gamma + c), TLanes.Load(beta + c));
                TLanes.Store(TEpilogue.Apply<TLanes, TVector>(scaled), y + c);
            }

            Apply(x, gamma, beta, whole, channels, mean, rstd, shift, y);
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
