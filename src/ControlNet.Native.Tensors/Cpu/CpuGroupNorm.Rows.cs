using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
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
                Normalize(X + (row * channels), Gamma, Beta, channels, Dims.Eps, Y + (row * channels));
            }
        }

        /// <summary>
        /// The first mean may carry the rounding of a float32 sum; the second pass measures what is left of it, e, and
        /// both mean and variance are corrected by it.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Normalize(float* x, float* gamma, float* beta, int channels, float eps, float* y)
        {
            int whole = Vector128.IsHardwareAccelerated ? channels / 16 * 16 : 0;
            float sum = whole > 0 ? Total(x, whole) : 0f;
            for (int c = whole; c < channels; c++)
            {
                sum += x[c];
            }

            float mean = sum / channels;
            double e = 0, q = 0;
            if (whole > 0)
            {
                Vector512<float> means = Vector512.Create(mean);
                Vector512<float> e0 = Vector512<float>.Zero, e1 = e0, q0 = e0, q1 = e0;
                int c = 0;
                for (; c <= whole - 32; c += 32)
                {
                    Vector512<float> a = Vector512.Load(x + c) - means;
                    Vector512<float> b = Vector512.Load(x + c + 16) - means;
                    e0 += a;
                    e1 += b;
                    q0 = VectorMath.Fma(a, a, q0);
                    q1 = VectorMath.Fma(b, b, q1);
                }

                if (c < whole)
                {
                    Vector512<float> a = Vector512.Load(x + c) - means;
                    e0 += a;
                    q0 = VectorMath.Fma(a, a, q0);
                }

                e = Vector512.Sum(e0 + e1);
                q = Vector512.Sum(q0 + q1);
            }

            for (int c = whole; c < channels; c++)
            {
                float difference = x[c] - mean;
                e += difference;
                q += difference * difference;
            }

            double left = e / channels;
            double variance = Math.Max(0, (q / channels) - (left * left));
            double rstd = 1 / Math.Sqrt(variance + eps);
            Apply(x, gamma, beta, channels, whole, mean, (float)rstd, (float)(-left * rstd), y);
        }

        /// <summary>y = act(((x - mean) rstd + shift) gamma + beta).</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Apply(
            float* x, float* gamma, float* beta, int channels, int whole, float mean, float rstd, float shift, float* y)
        {
            if (whole > 0)
            {
                Vector512<float> means = Vector512.Create(mean);
                Vector512<float> rstds = Vector512.Create(rstd);
                Vector512<float> shifts = Vector512.Create(shift);
                for (int c = 0; c < whole; c += 16)
                {
                    Vector512<float> normal = VectorMath.Fma(Vector512.Load(x + c) - means, rstds, shifts);
                    Vector512<float> scaled = VectorMath.Fma(
                        normal, Vector512.Load(gamma + c), Vector512.Load(beta + c));
                    TEpilogue.Apply(scaled).Store(y + c);
                }
            }

            for (int c = whole; c < channels; c++)
            {
                y[c] = TEpilogue.Apply(((((x[c] - mean) * rstd) + shift) * gamma[c]) + beta[c]);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Total(float* x, int whole)
        {
            Vector512<float> s0 = Vector512<float>.Zero, s1 = s0;
            int c = 0;
            for (; c <= whole - 32; c += 32)
            {
                s0 += Vector512.Load(x + c);
                s1 += Vector512.Load(x + c + 16);
            }

            if (c < whole)
            {
                s0 += Vector512.Load(x + c);
            }

            return Vector512.Sum(s0 + s1);
        }
    }
}
