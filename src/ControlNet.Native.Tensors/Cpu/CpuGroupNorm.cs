using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
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
            case Activation.GeluTanh: Forward<GeluTanh>(d, x, gamma, beta, y); break;
            case Activation.Sigmoid: Forward<Sigmoid>(d, x, gamma, beta, y); break;
            case Activation.Relu: Forward<Relu>(d, x, gamma, beta, y); break;
            case Activation.Tanh: Forward<Tanh>(d, x, gamma, beta, y); break;
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
        team.For(Partition.Items(join.Rows, join.RowWidth), ref join);
        NormalizeWork<TEpilogue> normalize = new()
        {
            Dims = d, X = x.Floats, Affine = affine, Y = y.Floats,
            Streaming = StreamingStores.Pay(y.Floats, y.Count, d.Channels),
            AsksAhead = StreamingStores.Crowd(x.Count + y.Count),
        };
        team.For(normalize.Items, ref normalize);
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

        /// <summary>A row of work is a group of an image.</summary>
        public long Rows => (long)moments.Dims.Batch * moments.Dims.Groups;

        public long RowWidth => 2L * moments.Parts * moments.Dims.ChannelsPerGroup;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int item, int worker)
        {
            GroupNormDims d = moments.Dims;
            (long at, long end) = Partition.Range(item, Rows, RowWidth);
            while (at < end)
            {
                (long image, long group) = Math.DivRem(at, d.Groups);
                int endGroup = (int)Math.Min(d.Groups, group + (end - at));
                double* sums = moments.JoinParts(
                    image, (int)group * d.ChannelsPerGroup, endGroup * d.ChannelsPerGroup);
                for (; group < endGroup; group++, at++)
                {
                    Join(d, sums, (int)group * d.ChannelsPerGroup, Affine + (image * 3 * d.Channels));
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
        public bool Streaming;

        /// <summary>
        /// Whether to ask for lines of x and y before their turn: where both stay in the cache it costs more than it
        /// gains.
        /// </summary>
        public bool AsksAhead;

        public readonly int Items => Partition.Items((long)Dims.Batch * Dims.Spatial, Dims.Channels);

        /// <summary>
        /// The last items first: of a large x the end is still in the cache, where the moments left it.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            (int spatial, int channels) = (Dims.Spatial, Dims.Channels);
            (long pixel, long end) = Partition.Range(Items - 1 - item, (long)Dims.Batch * spatial, channels);
            while (pixel < end)
            {
                long image = pixel / spatial;
                int count = (int)(Math.Min(end, (image + 1) * spatial) - pixel);
                float* affine = Affine + (image * 3 * channels);
                float* x = X + (pixel * channels), y = Y + (pixel * channels);
                int done = 0;
                if (Avx512F.IsSupported)
                {
                    done = Loop<Lanes16, Vector512<float>>(x, affine, channels, count, y, Streaming, AsksAhead);
                }
                else if (Vector128.IsHardwareAccelerated)
                {
                    done = Loop<Lanes8, Vector256<float>>(x, affine, channels, count, y, Streaming, AsksAhead);
                }

                if (done < channels)
                {
                    Rest(x, affine, channels, done, count, y);
                }

                pixel += count;
            }

            StreamingStores.Fence(Streaming);
        }

        /// <summary>Two pixels share the loads of mean, factor and shift. Returns the channels done.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static int Loop<TLanes, TVector>(
            float* x, float* affine, int channels, int pixels, float* y, bool streaming, bool asksAhead)
            where TLanes : struct, ILanes<TVector>
        {
            float* factors = affine + channels, shifts = factors + channels;
            int whole = channels / TLanes.Count * TLanes.Count;
            for (; pixels > 0; pixels -= 2, x += 2 * channels, y += 2 * channels)
            {
                // An odd last pixel is done twice.
                int second = pixels > 1 ? channels : 0;
                for (int c = 0; c < whole; c += TLanes.Count)
                {
                    if (asksAhead)
                    {
                        TLanes.Prefetch(x + c);
                        TLanes.Prefetch(x + second + c);
                        TLanes.Prefetch(y + c);
                        TLanes.Prefetch(y + second + c);
                    }

                    TVector mean = TLanes.Load(affine + c);
                    TVector factor = TLanes.Load(factors + c), shift = TLanes.Load(shifts + c);
                    TVector a = TLanes.Fma(TLanes.Subtract(TLanes.Load(x + c), mean), factor, shift);
                    TVector b = TLanes.Fma(TLanes.Subtract(TLanes.Load(x + second + c), mean), factor, shift);
                    a = TEpilogue.Apply<TLanes, TVector>(a);
                    b = TEpilogue.Apply<TLanes, TVector>(b);
                    if (streaming)
                    {
                        TLanes.StoreStreaming(a, y + c);
                        TLanes.StoreStreaming(b, y + second + c);
                    }
                    else
                    {
                        TLanes.Store(a, y + c);
                        TLanes.Store(b, y + second + c);
                    }
                }
            }

            return whole;
        }

        private static void Rest(float* x, float* affine, int channels, int first, int pixels, float* y)
        {
            float* factor = affine + channels, shift = factor + channels;
            for (; pixels > 0; pixels--, x += channels, y += channels)
            {
                for (int c = first; c < channels; c++)
                {
                    y[c] = TEpilogue.Apply(((x[c] - affine[c]) * factor[c]) + shift[c]);
                }
            }
        }
    }
}
