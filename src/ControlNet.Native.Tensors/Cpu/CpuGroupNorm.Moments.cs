using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>The first pass: sum and sum of squares of every channel of every image.</content>
internal sealed unsafe partial class CpuGroupNorm
{
    /// <summary>
    /// An item is a part of an image's pixels times a strip of its channels. Every channel is held against a pivot,
    /// the mean of the item's first pixels, in float32: differences that are small when the mean is not. Eight pixels
    /// are added as a tree, so that the sums are read and written once for all of them, and what 128 pixels add up to
    /// joins the sums in float64. With m the pivot and e, q the sums of the differences and of their squares, n pixels
    /// contribute n m + e to the sum and q + m (2 e + n m) to the sum of squares.
    /// </summary>
    /// <remarks>
    /// One pixel as the pivot would not do: were it an outlier, every difference would carry it, and a rounding of all
    /// the squares would weigh as many times more than the outlier itself as the item has pixels.
    /// </remarks>
    private struct MomentsWork : IParallelWork
    {
        /// <summary>Pixels added as one tree, those of the pivot, and those whose sums stay in float32.</summary>
        private const int Tree = 8, PivotPixels = 16, Block = 128;

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

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
            int vectors = 0;
            if (Avx512F.IsSupported)
            {
                vectors = width / Lanes16.Count * Lanes16.Count;
                AddPart<Lanes16, Vector512<float>>(x, pixels, vectors, Dims.Channels, sums);
            }
            else if (Vector128.IsHardwareAccelerated)
            {
                vectors = width / Lanes8.Count * Lanes8.Count;
                AddPart<Lanes8, Vector256<float>>(x, pixels, vectors, Dims.Channels, sums);
            }

            AddColumns(x + vectors, pixels, width - vectors, Dims.Channels, sums + vectors);
        }

        /// <summary>
        /// Adds the parts of some channels of one image in their order; the result lies where the first part was.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly double* JoinParts(long image, int firstChannel, int endChannel)
        {
            long count = 2L * Dims.Channels;
            double* joined = Sums + (image * Parts * count);
            int width = endChannel - firstChannel;
            for (int part = 1; part < Parts; part++)
            {
                double* more = joined + (part * count);
                AddRow(joined + firstChannel, more + firstChannel, width);
                AddRow(joined + Dims.Channels + firstChannel, more + Dims.Channels + firstChannel, width);
            }

            return joined;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void AddRow(double* sums, double* more, long count)
        {
            long i = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; i <= count - 4; i += 4)
                {
                    (Vector256.Load(sums + i) + Vector256.Load(more + i)).Store(sums + i);
                }
            }

            for (; i < count; i++)
            {
                sums[i] += more[i];
            }
        }

        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void AddPart<TLanes, TVector>(float* x, int pixels, int width, long step, double* sums)
            where TLanes : struct, ILanes<TVector>
        {
            float* pivot = stackalloc float[3 * WidestStrip];
            float* e = pivot + WidestStrip, q = e + WidestStrip;
            FindPivot<TLanes, TVector>(x, Math.Min(pixels, PivotPixels), width, step, pivot);
            for (int pixel = 0; pixel < pixels; pixel += Block)
            {
                int count = Math.Min(Block, pixels - pixel), done = 0;
                float* block = x + (pixel * step);
                new Span<float>(e, 2 * WidestStrip).Clear();
                for (; done <= count - Tree; done += Tree)
                {
                    AddTree<TLanes, TVector>(block + (done * step), width, step, pivot, e, q);
                }

                for (; done < count; done++)
                {
                    AddPixel<TLanes, TVector>(block + (done * step), width, pivot, e, q);
                }

                Flush(count, width, pivot, e, q, sums, sums + step);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void FindPivot<TLanes, TVector>(float* x, int pixels, int width, long step, float* pivot)
            where TLanes : struct, ILanes<TVector>
        {
            TVector share = TLanes.Create(1f / pixels);
            for (int c = 0; c < width; c += TLanes.Count)
            {
                TVector sum = TLanes.Load(x + c);
                for (int pixel = 1; pixel < pixels; pixel++)
                {
                    sum = TLanes.Add(sum, TLanes.Load(x + (pixel * step) + c));
                }

                TLanes.Store(TLanes.Multiply(sum, share), pivot + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void AddTree<TLanes, TVector>(
            float* x, int width, long step, float* pivot, float* e, float* q)
            where TLanes : struct, ILanes<TVector>
        {
            float* half = x + (4 * step);
            long step3 = 3 * step;
            for (int c = 0; c < width; c += TLanes.Count)
            {
                TVector m = TLanes.Load(pivot + c);
                TVector a = TLanes.Subtract(TLanes.Load(x + c), m);
                TVector b = TLanes.Subtract(TLanes.Load(x + step + c), m);
                TVector ab = TLanes.Add(a, b), square = TLanes.Fma(a, a, TLanes.Load(q + c));
                TVector square2 = TLanes.Multiply(b, b);
                a = TLanes.Subtract(TLanes.Load(x + (2 * step) + c), m);
                b = TLanes.Subtract(TLanes.Load(x + step3 + c), m);
                ab = TLanes.Add(ab, TLanes.Add(a, b));
                square = TLanes.Fma(a, a, square);
                square2 = TLanes.Fma(b, b, square2);
                a = TLanes.Subtract(TLanes.Load(half + c), m);
                b = TLanes.Subtract(TLanes.Load(half + step + c), m);
                TVector cd = TLanes.Add(a, b), square3 = TLanes.Multiply(a, a), square4 = TLanes.Multiply(b, b);
                a = TLanes.Subtract(TLanes.Load(half + (2 * step) + c), m);
                b = TLanes.Subtract(TLanes.Load(half + step3 + c), m);
                cd = TLanes.Add(cd, TLanes.Add(a, b));
                square3 = TLanes.Fma(a, a, square3);
                square4 = TLanes.Fma(b, b, square4);
                TLanes.Store(TLanes.Add(TLanes.Load(e + c), TLanes.Add(ab, cd)), e + c);
                TLanes.Store(TLanes.Add(TLanes.Add(square, square2), TLanes.Add(square3, square4)), q + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void AddPixel<TLanes, TVector>(float* x, int width, float* pivot, float* e, float* q)
            where TLanes : struct, ILanes<TVector>
        {
            for (int c = 0; c < width; c += TLanes.Count)
            {
                TVector difference = TLanes.Subtract(TLanes.Load(x + c), TLanes.Load(pivot + c));
                TLanes.Store(TLanes.Add(TLanes.Load(e + c), difference), e + c);
                TLanes.Store(TLanes.Fma(difference, difference, TLanes.Load(q + c)), q + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Flush(
            int pixels, int width, float* pivot, float* e, float* q, double* sums, double* squares)
        {
            Vector256<double> count = Vector256.Create((double)pixels);
            for (int c = 0; c < width; c += 4)
            {
                Vector256<double> m = Widen(pivot + c), e4 = Widen(e + c), moved = (count * m) + e4;
                (Vector256.Load(sums + c) + moved).Store(sums + c);
                (Vector256.Load(squares + c) + (Widen(q + c) + (m * (moved + e4)))).Store(squares + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<double> Widen(float* source)
        {
            Vector128<float> four = Vector128.Load(source);
            return Avx.IsSupported
                ? Avx.ConvertToVector256Double(four)
                : Vector256.Create(Vector128.WidenLower(four), Vector128.WidenUpper(four));
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
