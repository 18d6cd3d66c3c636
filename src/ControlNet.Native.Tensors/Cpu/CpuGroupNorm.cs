using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Group norm on channels-last rows in two passes over x: moments of every channel, then the normalised, activated
/// store. Between them the channels of a group are joined in float64. Vectors run over channels in both passes, so the
/// width of a group does not matter. Layer norm takes its own way, see <c>CpuGroupNorm.Rows.cs</c>.
/// </summary>
internal sealed unsafe partial class CpuGroupNorm(WorkerTeam team) : IGroupNormKernels
{
    public void Forward(in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView y)
    {
        switch (d.Activation)
        {
            case Activation.None: Forward<Identity>(d, x, gamma, beta, y); break;
            case Activation.Silu: Forward<Silu>(d, x, gamma, beta, y); break;
            case Activation.Gelu: Forward<Gelu>(d, x, gamma, beta, y); break;
            case Activation.QuickGelu: Forward<QuickGelu>(d, x, gamma, beta, y); break;
            default: throw new ArgumentOutOfRangeException(nameof(d), d.Activation, "unknown activation");
        }
    }

    private void Forward<TEpilogue>(in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView y)
        where TEpilogue : struct, IEpilogue
    {
        if (d is { Spatial: 1, Groups: 1 })
        {
            RowsWork<TEpilogue> rows = new()
            {
                Dims = d, X = x.Floats, Gamma = gamma.Floats, Beta = beta.Floats, Y = y.Floats,
            };
            team.For(Partition.Items(d.Batch, d.Channels), ref rows);
            return;
        }

        // The memory of worker 0 is this thread's, and no item below asks for scratch of its own.
        MomentsWork moments = new(d, x.Floats);
        float* scratch = team.Scratch(0, (2 * moments.SumCount) + (3L * d.Batch * d.Channels));
        float* affine = scratch + (2 * moments.SumCount);
        moments.Sums = (double*)scratch;
        team.For(moments.Items, ref moments);
        JoinWork join = new(moments) { Gamma = gamma.Floats, Beta = beta.Floats, Affine = affine };
        team.For(Partition.Items(d.Batch, moments.Parts * (long)d.Channels), ref join);
        NormalizeWork<TEpilogue> normalize = new() { Dims = d, X = x.Floats, Affine = affine, Y = y.Floats };
        team.For(Partition.Items((long)d.Batch * d.Spatial, d.Channels), ref normalize);
    }

    /// <summary>
    /// Joins the moments of a group's channels and turns them into mean, factor and shift of each channel.
    /// </summary>
    private readonly struct JoinWork(MomentsWork moments) : IParallelWork
    {
        public float* Gamma { get; init; }

        public float* Beta { get; init; }

        /// <summary>For each image three rows of one float for each channel: mean, factor, shift.</summary>
        public float* Affine { get; init; }

        public void Run(int item, int worker)
        {
            GroupNormDims d = moments.Dims;
            (long image, long end) = Partition.Range(item, d.Batch, moments.Parts * (long)d.Channels);
            for (; image < end; image++)
            {
                double* sums = moments.JoinParts(image);
                for (int group = 0; group < d.Groups; group++)
                {
                    Join(d, sums, group * d.ChannelsPerGroup, Affine + (image * 3 * d.Channels));
                }
            }
        }

        private void Join(in GroupNormDims d, double* sums, int first, float* affine)
        {
            double sum = 0, squares = 0, count = (double)d.Spatial * d.ChannelsPerGroup;
            for (int c = first; c < first + d.ChannelsPerGroup; c++)
            {
                sum += sums[c];
                squares += sums[d.Channels + c];
            }

            // In float64 the difference is safe: it loses 53 bits only when the mean is 10^8 deviations away.
            double mean = sum / count;
            double variance = Math.Max(0, (squares / count) - (mean * mean));
            double rstd = 1 / Math.Sqrt(variance + d.Eps);
            float nearMean = (float)mean;
            for (int c = first; c < first + d.ChannelsPerGroup; c++)
            {
                double factor = Gamma[c] * rstd;
                affine[c] = nearMean;
                affine[d.Channels + c] = (float)factor;
                affine[(2 * d.Channels) + c] = (float)(Beta[c] - ((mean - nearMean) * factor));
            }
        }
    }

    /// <summary>
    /// y = act((x - mean) factor + shift). The mean is taken off first: x factor + shift would cancel when it is large.
    /// </summary>
    private struct NormalizeWork<TEpilogue> : IParallelWork
        where TEpilogue : struct, IEpilogue
    {
        public GroupNormDims Dims;
        public float* X, Affine, Y;

        public readonly void Run(int item, int worker)
        {
            (int spatial, int channels) = (Dims.Spatial, Dims.Channels);
            (long pixel, long end) = Partition.Range(item, (long)Dims.Batch * spatial, channels);
            while (pixel < end)
            {
                long image = pixel / spatial;
                long stop = Math.Min(end, (image + 1) * spatial);
                float* affine = Affine + (image * 3 * channels);
                for (; pixel <= stop - 2; pixel += 2)
                {
                    TwoPixels(X + (pixel * channels), affine, channels, Y + (pixel * channels));
                }

                for (; pixel < stop; pixel++)
                {
                    OnePixel(X + (pixel * channels), affine, channels, 0, Y + (pixel * channels));
                }
            }
        }

        /// <summary>Two pixels share the loads of mean, factor and shift.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void TwoPixels(float* x, float* affine, int channels, float* y)
        {
            int c = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; c <= channels - 16; c += 16)
                {
                    Vector512<float> mean = Vector512.Load(affine + c);
                    Vector512<float> factor = Vector512.Load(affine + channels + c);
                    Vector512<float> shift = Vector512.Load(affine + (2 * channels) + c);
                    Vector512<float> first = VectorMath.Fma(Vector512.Load(x + c) - mean, factor, shift);
                    Vector512<float> second = VectorMath.Fma(Vector512.Load(x + channels + c) - mean, factor, shift);
                    TEpilogue.Apply(first).Store(y + c);
                    TEpilogue.Apply(second).Store(y + channels + c);
                }
            }

            if (c < channels)
            {
                OnePixel(x, affine, channels, c, y);
                OnePixel(x + channels, affine, channels, c, y + channels);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void OnePixel(float* x, float* affine, int channels, int c, float* y)
        {
            float* factor = affine + channels;
            float* shift = factor + channels;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; c <= channels - 16; c += 16)
                {
                    Vector512<float> centred = Vector512.Load(x + c) - Vector512.Load(affine + c);
                    Vector512<float> scaled = VectorMath.Fma(
                        centred, Vector512.Load(factor + c), Vector512.Load(shift + c));
                    TEpilogue.Apply(scaled).Store(y + c);
                }
            }

            for (; c < channels; c++)
            {
                y[c] = TEpilogue.Apply(((x[c] - affine[c]) * factor[c]) + shift[c]);
            }
        }
    }
}
