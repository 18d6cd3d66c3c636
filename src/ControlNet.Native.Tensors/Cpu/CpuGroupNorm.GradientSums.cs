using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>The second pass of backward: the sums of g and of g (x - mean) for every channel of every image.</content>
internal sealed unsafe partial class CpuGroupNorm
{
    /// <summary>
    /// An item is a part of an image's pixels times a strip of its channels. A few pixels are added in float32, against
    /// the mean, before they join the sums in float64.
    /// </summary>
    private struct GradientSumsWork<TDerivative> : IParallelWork
        where TDerivative : struct, IDerivative
    {
        /// <summary>Pixels that are added in float32.</summary>
        private const int Block = 8;

        /// <summary>Most channels of one strip; their accumulators stay in the first-level cache.</summary>
        private const int WidestStrip = 320;

        /// <summary>Elements of one item.</summary>
        private const int PartElements = 20 * 1024;

        public readonly GroupNormDims Dims;
        public readonly GradientBuffers Buffers;

        /// <summary>
        /// For each image and part a row of sums of g and a row of sums of g (x - mean), one float64 for each channel.
        /// </summary>
        public double* Sums;

        public float* Affine;

        private readonly int _strips, _stripWidth, _partPixels;

        public GradientSumsWork(in GroupNormDims d, in GradientBuffers buffers)
        {
            Dims = d;
            Buffers = buffers;
            int strips = Math.Max(1, (d.Channels + WidestStrip - 1) / WidestStrip);
            _stripWidth = Math.Max(16, ((d.Channels + strips - 1) / strips + 15) / 16 * 16);
            _strips = (d.Channels + _stripWidth - 1) / _stripWidth;
            _partPixels = Math.Max(1, PartElements / _stripWidth / Block) * Block;
            Parts = Math.Max(1, (d.Spatial + _partPixels - 1) / _partPixels);
        }

        public readonly int Parts { get; }

        public readonly int Items => checked(Dims.Batch * Parts * _strips);

        public readonly long SumCount => Math.Max(1, (long)Dims.Batch * Parts * 2 * Dims.Channels);

        /// <summary>The first part of an image, and what all add up to once they were joined.</summary>
        public readonly double* PartsOf(long image) => Sums + (image * Parts * 2 * Dims.Channels);

        public readonly void Run(int item, int worker)
        {
            (int imagePart, int strip) = Math.DivRem(item, _strips);
            (int image, int part) = Math.DivRem(imagePart, Parts);
            int channels = Dims.Channels, channel = strip * _stripWidth;
            int width = Math.Min(_stripWidth, channels - channel);
            int first = part * _partPixels, pixels = Math.Min(_partPixels, Dims.Spatial - first);
            long at = ((((long)image * Dims.Spatial) + first) * channels) + channel;
            double* sums = Sums + ((long)imagePart * 2 * channels) + channel;
            float* affine = Affine + ((long)image * GradientAffine.Rows * channels) + channel;
            new Span<double>(sums, width).Clear();
            new Span<double>(sums + channels, width).Clear();
            int vectors = Vector128.IsHardwareAccelerated ? width / 16 * 16 : 0;
            for (int pixel = 0; vectors > 0 && pixel < pixels; pixel += Block)
            {
                long from = at + ((long)pixel * channels);
                int count = Math.Min(Block, pixels - pixel);
                AddBlock(Buffers.X + from, Buffers.DY + from, count, vectors, channels, affine, sums);
            }

            AddColumns(
                Buffers.X + at + vectors, Buffers.DY + at + vectors, pixels, width - vectors, channels,
                affine + vectors, sums + vectors);
        }

        /// <summary>Adds the parts of one image in their order; the result lies where the first part was.</summary>
        public readonly double* JoinParts(long image)
        {
            long count = 2L * Dims.Channels;
            double* joined = PartsOf(image);
            for (int part = 1; part < Parts; part++)
            {
                double* more = joined + (part * count);
                for (long i = 0; i < count; i++)
                {
                    joined[i] += more[i];
                }
            }

            return joined;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void AddBlock(float* x, float* dy, int pixels, int width, long step, float* affine, double* sums)
        {
            double* products = sums + step;
            float* factors = affine + (GradientAffine.Factor * step);
            float* shifts = affine + (GradientAffine.Shift * step);
            for (int c = 0; c < width; c += 16)
            {
                Vector512<float> mean = Vector512.Load(affine + c);
                Vector512<float> factor = Vector512.Load(factors + c), shift = Vector512.Load(shifts + c);
                Vector512<float> sum = Vector512<float>.Zero, product = Vector512<float>.Zero;
                for (long at = c; at < pixels * step; at += step)
                {
                    Vector512<float> centred = Vector512.Load(x + at) - mean;
                    Vector512<float> g = Vector512.Load(dy + at);
                    if (typeof(TDerivative) != typeof(IdentityDerivative))
                    {
                        g *= TDerivative.Apply(VectorMath.Fma(centred, factor, shift));
                    }

                    sum += g;
                    product = VectorMath.Fma(g, centred, product);
                }

                Add(sum, sums + c);
                Add(product, products + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add(Vector512<float> more, double* sums)
        {
            (Vector512<double> low, Vector512<double> high) = Vector512.Widen(more);
            (Vector512.Load(sums) + low).Store(sums);
            (Vector512.Load(sums + 8) + high).Store(sums + 8);
        }

        /// <summary>The channels beyond the last whole vector, and all of them where there are no vectors.</summary>
        private static void AddColumns(
            float* x, float* dy, int pixels, int width, long step, float* affine, double* sums)
        {
            for (int pixel = 0; pixel < pixels; pixel++, x += step, dy += step)
            {
                for (int c = 0; c < width; c++)
                {
                    float centred = x[c] - affine[c];
                    double g = dy[c] * TDerivative.Apply(
                        (centred * affine[(GradientAffine.Factor * step) + c])
                        + affine[(GradientAffine.Shift * step) + c]);
                    sums[c] += g;
                    sums[step + c] += g * centred;
                }
            }
        }
    }
}
