using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>The first pass: sum and sum of squares of every channel of every image.</content>
internal sealed unsafe partial class CpuGroupNorm
{
    /// <summary>
    /// An item is a part of an image's pixels times a strip of its channels. Sixteen pixels at a time are held against
    /// the first of them in float32, differences that are small when the mean is not, and only what they add up to is
    /// shifted back and accumulated, in float64. With m the first pixel and e, q the sums of the differences and of
    /// their squares, n pixels contribute n m + e to the sum and q + m (2 e + n m) to the sum of squares.
    /// </summary>
    private struct MomentsWork : IParallelWork
    {
        /// <summary>Pixels whose differences are summed in float32.</summary>
        private const int Block = 16;

        /// <summary>Most channels of one strip; their accumulators stay in the first-level cache.</summary>
        private const int WidestStrip = 320;

        /// <summary>Elements of one item.</summary>
        private const int PartElements = 40 * 1024;

        public readonly GroupNormDims Dims;

        /// <summary>
        /// For each image and part a row of sums and a row of sums of squares, one float64 for each channel.
        /// </summary>
        public double* Sums;

        private readonly float* _x;
        private readonly int _strips, _stripWidth, _partPixels;

        public MomentsWork(in GroupNormDims d, float* x)
        {
            Dims = d;
            _x = x;
            int strips = Math.Max(1, (d.Channels + WidestStrip - 1) / WidestStrip);
            _stripWidth = Math.Max(16, ((d.Channels + strips - 1) / strips + 15) / 16 * 16);
            _strips = (d.Channels + _stripWidth - 1) / _stripWidth;
            int pixels = Math.Max(1, PartElements / _stripWidth / Block) * Block;
            bool small = (long)d.Spatial * _stripWidth <= 2 * Partition.Elements;
            _partPixels = small ? Math.Max(1, d.Spatial) : pixels;
            Parts = (d.Spatial + _partPixels - 1) / _partPixels;
        }

        public readonly int Parts { get; }

        public readonly int Items => Dims.Batch * Parts * _strips;

        public readonly long SumCount => Math.Max(1, (long)Dims.Batch * Parts * 2 * Dims.Channels);

        public readonly void Run(int item, int worker)
        {
            (int imagePart, int strip) = Math.DivRem(item, _strips);
            (int image, int part) = Math.DivRem(imagePart, Parts);
            int channel = strip * _stripWidth;
            int width = Math.Min(_stripWidth, Dims.Channels - channel);
            int first = part * _partPixels;
            int pixels = Math.Min(_partPixels, Dims.Spatial - first);
            float* x = _x + ((((long)image * Dims.Spatial) + first) * Dims.Channels) + channel;
            double* sums = Sums + ((long)imagePart * 2 * Dims.Channels) + channel;
            new Span<double>(sums, width).Clear();
            new Span<double>(sums + Dims.Channels, width).Clear();
            int vectors = Vector128.IsHardwareAccelerated ? width / 16 * 16 : 0;
            for (int pixel = 0; vectors > 0 && pixel < pixels; pixel += Block)
            {
                AddBlock(
                    x + ((long)pixel * Dims.Channels), Math.Min(Block, pixels - pixel), vectors, Dims.Channels, sums);
            }

            AddColumns(x + vectors, pixels, width - vectors, Dims.Channels, sums + vectors);
        }

        /// <summary>Adds the parts of one image in their order; the result lies where the first part was.</summary>
        public readonly double* JoinParts(long image)
        {
            long count = 2L * Dims.Channels;
            double* joined = Sums + (image * Parts * count);
            for (int part = 1; part < Parts; part++)
            {
                AddRow(joined, joined + (part * count), count);
            }

            return joined;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void AddRow(double* sums, double* more, long count)
        {
            long i = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; i <= count - 8; i += 8)
                {
                    (Vector512.Load(sums + i) + Vector512.Load(more + i)).Store(sums + i);
                }
            }

            for (; i < count; i++)
            {
                sums[i] += more[i];
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void AddBlock(float* x, int pixels, int width, long step, double* sums)
        {
            double* squares = sums + step;
            Vector512<double> count = Vector512.Create((double)pixels);
            for (int c = 0; c < width; c += 16)
            {
                float* at = x + c;
                Vector512<float> m = Vector512.Load(at);
                Vector512<float> e = Vector512<float>.Zero, q = Vector512<float>.Zero;
                for (int pixel = 1; pixel < pixels; pixel++)
                {
                    at += step;
                    Vector512<float> difference = Vector512.Load(at) - m;
                    e += difference;
                    q = VectorMath.Fma(difference, difference, q);
                }

                (Vector512<double> mLow, Vector512<double> mHigh) = Vector512.Widen(m);
                (Vector512<double> eLow, Vector512<double> eHigh) = Vector512.Widen(e);
                (Vector512<double> qLow, Vector512<double> qHigh) = Vector512.Widen(q);
                Vector512<double> low = (count * mLow) + eLow, high = (count * mHigh) + eHigh;
                (Vector512.Load(sums + c) + low).Store(sums + c);
                (Vector512.Load(sums + c + 8) + high).Store(sums + c + 8);
                (Vector512.Load(squares + c) + qLow + (mLow * (low + eLow))).Store(squares + c);
                (Vector512.Load(squares + c + 8) + qHigh + (mHigh * (high + eHigh))).Store(squares + c + 8);
            }
        }

        /// <summary>The channels beyond the last whole vector, and all of them where there are no vectors.</summary>
        private static void AddColumns(float* x, int pixels, int width, long step, double* sums)
        {
            for (int pixel = 0; pixel < pixels; pixel++, x += step)
            {
                for (int c = 0; c < width; c++)
                {
                    double v = x[c];
                    sums[c] += v;
                    sums[step + c] += v * v;
                }
            }
        }
    }
}
