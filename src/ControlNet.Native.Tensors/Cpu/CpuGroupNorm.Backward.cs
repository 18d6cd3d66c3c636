using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>
/// Gradients in three passes over channels-last rows: the moments of forward once more, two sums for every channel of
/// every image, and the store of dx. The sums of a group, of gamma and of beta are all made of those of the channels.
/// </content>
internal sealed unsafe partial class CpuGroupNorm
{
    public void Backward(
        in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView dy, BufferView dx,
        BufferView dGamma, BufferView dBeta)
    {
        GradientBuffers buffers = new()
        {
            X = x.Floats, Gamma = gamma.Floats, Beta = beta.Floats, DY = dy.Floats, DX = FloatsOrNull(dx),
            DGamma = FloatsOrNull(dGamma), DBeta = FloatsOrNull(dBeta),
        };
        switch (d.Activation)
        {
            case Activation.None: Backward<IdentityDerivative>(d, buffers); break;
            case Activation.Silu: Backward<SiluDerivative>(d, buffers); break;
            case Activation.Gelu: Backward<GeluDerivative>(d, buffers); break;
            case Activation.QuickGelu: Backward<QuickGeluDerivative>(d, buffers); break;
            case Activation.GeluTanh: Backward<GeluTanhDerivative>(d, buffers); break;
            case Activation.Sigmoid: Backward<SigmoidDerivative>(d, buffers); break;
            case Activation.Relu: Backward<ReluDerivative>(d, buffers); break;
            case Activation.Tanh: Backward<TanhDerivative>(d, buffers); break;
            default: throw new ArgumentOutOfRangeException(nameof(d), d.Activation, "unknown activation");
        }
    }

    private static float* FloatsOrNull(BufferView view) => view.IsNone ? null : view.Floats;

    private void Backward<TDerivative>(in GroupNormDims d, in GradientBuffers buffers)
        where TDerivative : struct, IDerivative
    {
        if (d is { Spatial: 1, Groups: 1 })
        {
            BackwardRows<TDerivative>(d, buffers);
            return;
        }

        // The memory of worker 0 is this thread's, and no item below asks for scratch of its own.
        MomentsWork moments = new(d, buffers.X);
        GradientSumsWork<TDerivative> sums = new(d, buffers);
        long affineCount = GradientAffine.Rows * (long)d.Batch * d.Channels;
        float* scratch = team.Scratch(0, (2 * (moments.SumCount + sums.SumCount)) + affineCount);
        moments.Sums = (double*)scratch;
        sums.Sums = moments.Sums + moments.SumCount;
        sums.Affine = (float*)(sums.Sums + sums.SumCount);
        team.For(moments.Items, ref moments);
        GradientStatisticsWork statistics = new() { Moments = moments, Buffers = buffers, Affine = sums.Affine };
        team.For(Partition.Items(d.Batch, moments.Parts * (long)d.Channels), ref statistics);
        team.For(sums.Items, ref sums);
        GradientJoinWork<TDerivative> join = new() { Sums = sums };
        team.For(Partition.Items(d.Batch, sums.Parts * (long)d.Channels), ref join);
        join.StoreParameters();
        if (buffers.DX != null)
        {
            GradientStoreWork<TDerivative> store = new() { Dims = d, Buffers = buffers, Affine = sums.Affine };
            team.For(Partition.Items((long)d.Batch * d.Spatial, d.Channels), ref store);
        }
    }

    /// <summary>The buffers of one call; results are null where they are not wanted.</summary>
    private struct GradientBuffers
    {
        public float* X, Gamma, Beta, DY, DX, DGamma, DBeta;
    }

    /// <summary>
    /// What the passes need to know of a channel of an image: rows of one float for each channel. With c = x - mean,
    /// g = dy act'(c factor + shift) and dx = factor g - c slope - offset.
    /// </summary>
    private static class GradientAffine
    {
        public const int Mean = 0, Factor = 1, Shift = 2, Slope = 3, Offset = 4;

        public const int Rows = 5;
    }

    /// <summary>Mean, factor and shift of every channel, as forward has them.</summary>
    private struct GradientStatisticsWork : IParallelWork
    {
        public MomentsWork Moments;
        public GradientBuffers Buffers;
        public float* Affine;

        public readonly void Run(int item, int worker)
        {
            GroupNormDims d = Moments.Dims;
            (long image, long end) = Partition.Range(item, d.Batch, Moments.Parts * (long)d.Channels);
            for (; image < end; image++)
            {
                double* joined = Moments.JoinParts(image, 0, d.Channels);
                for (int first = 0; first < d.Channels; first += d.ChannelsPerGroup)
                {
                    Statistics(d, joined, first, Affine + (image * GradientAffine.Rows * d.Channels));
                }
            }
        }

        /// <summary>
        /// The rest of the mean that float32 does not hold and rstd are wanted again by the join, in float64: they take
        /// the place of the group's first moments.
        /// </summary>
        private readonly void Statistics(in GroupNormDims d, double* joined, int first, float* affine)
        {
            double sum = 0, squares = 0, count = (double)d.Spatial * d.ChannelsPerGroup;
            for (int c = first; c < first + d.ChannelsPerGroup; c++)
            {
                sum += joined[c];
                squares += joined[d.Channels + c];
            }

            double mean = sum / count;
            double variance = Math.Max(0, (squares / count) - (mean * mean));
            double rstd = 1 / Math.Sqrt(variance + d.Eps);
            float nearMean = (float)mean;
            for (int c = first; c < first + d.ChannelsPerGroup; c++)
            {
                double factor = Buffers.Gamma[c] * rstd;
                affine[(GradientAffine.Mean * d.Channels) + c] = nearMean;
                affine[(GradientAffine.Factor * d.Channels) + c] = (float)factor;
                affine[(GradientAffine.Shift * d.Channels) + c] =
                    (float)(Buffers.Beta[c] - ((mean - nearMean) * factor));
                affine[(GradientAffine.Slope * d.Channels) + c] = (float)rstd;
                affine[(GradientAffine.Offset * d.Channels) + c] = (float)(mean - nearMean);
            }
        }
    }

    /// <summary>
    /// Joins the sums of an image's parts and turns those of a group into the slope and the offset of dx. Rstd and the
    /// rest of the mean lie where these go.
    /// </summary>
    private struct GradientJoinWork<TDerivative> : IParallelWork
        where TDerivative : struct, IDerivative
    {
        public GradientSumsWork<TDerivative> Sums;

        public readonly void Run(int item, int worker)
        {
            GroupNormDims d = Sums.Dims;
            (long image, long end) = Partition.Range(item, d.Batch, Sums.Parts * (long)d.Channels);
            for (; image < end; image++)
            {
                double* joined = Sums.JoinParts(image);
                for (int first = 0; first < d.Channels; first += d.ChannelsPerGroup)
                {
                    Join(d, joined, first, Sums.Affine + (image * GradientAffine.Rows * d.Channels));
                }
            }
        }

        /// <summary>dGamma and dBeta: what the images add up to, in their order.</summary>
        public readonly void StoreParameters()
        {
            int channels = Sums.Dims.Channels;
            for (int c = 0; c < channels; c++)
            {
                double dBeta = 0, dGamma = 0;
                for (long image = 0; image < Sums.Dims.Batch; image++)
                {
                    double* joined = Sums.PartsOf(image);
                    dBeta += joined[c];
                    dGamma += joined[channels + c];
                }

                if (Sums.Buffers.DBeta != null)
                {
                    Sums.Buffers.DBeta[c] = (float)dBeta;
                }

                if (Sums.Buffers.DGamma != null)
                {
                    Sums.Buffers.DGamma[c] = (float)dGamma;
                }
            }
        }

        /// <summary>The sum of g c becomes that of g n, n the normalised x.</summary>
        private readonly void Join(in GroupNormDims d, double* joined, int first, float* affine)
        {
            float* slope = affine + (GradientAffine.Slope * d.Channels);
            float* offset = affine + (GradientAffine.Offset * d.Channels);
            double rstd = slope[first], rest = offset[first], count = (double)d.Spatial * d.ChannelsPerGroup;
            double meanG = 0, meanGN = 0;
            for (int c = first; c < first + d.ChannelsPerGroup; c++)
            {
                joined[d.Channels + c] = rstd * (joined[d.Channels + c] - (rest * joined[c]));
                meanG += Sums.Buffers.Gamma[c] * joined[c] / count;
                meanGN += Sums.Buffers.Gamma[c] * joined[d.Channels + c] / count;
            }

            for (int c = first; c < first + d.ChannelsPerGroup; c++)
            {
                slope[c] = (float)(rstd * rstd * meanGN);
                offset[c] = (float)((rstd * meanG) - (rest * rstd * rstd * meanGN));
            }
        }
    }

    /// <summary>The last pass: dx = factor g - c slope - offset.</summary>
    private struct GradientStoreWork<TDerivative> : IParallelWork
        where TDerivative : struct, IDerivative
    {
        public GroupNormDims Dims;
        public GradientBuffers Buffers;
        public float* Affine;

        public readonly void Run(int item, int worker)
        {
            (int spatial, int channels) = (Dims.Spatial, Dims.Channels);
            (long pixel, long end) = Partition.Range(item, (long)Dims.Batch * spatial, channels);
            for (; pixel < end; pixel++)
            {
                long at = pixel * channels;
                Store(
                    Buffers.X + at, Buffers.DY + at, Affine + (pixel / spatial * GradientAffine.Rows * channels),
                    channels, Buffers.DX + at);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Store(float* x, float* dy, float* affine, int channels, float* dx)
        {
            float* factor = affine + (GradientAffine.Factor * channels);
            float* shift = affine + (GradientAffine.Shift * channels);
            float* slope = affine + (GradientAffine.Slope * channels);
            float* offset = affine + (GradientAffine.Offset * channels);
            int c = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; c <= channels - 16; c += 16)
                {
                    Vector512<float> f = Vector512.Load(factor + c);
                    Vector512<float> centred = Vector512.Load(x + c) - Vector512.Load(affine + c);
                    Vector512<float> g = Vector512.Load(dy + c);
                    if (typeof(TDerivative) != typeof(IdentityDerivative))
                    {
                        g *= TDerivative.Apply(VectorMath.Fma(centred, f, Vector512.Load(shift + c)));
                    }

                    Vector512<float> mean = VectorMath.Fma(
                        centred, Vector512.Load(slope + c), Vector512.Load(offset + c));
                    ((g * f) - mean).Store(dx + c);
                }
            }

            for (; c < channels; c++)
            {
                float centred = x[c] - affine[c];
                float g = dy[c] * TDerivative.Apply((centred * factor[c]) + shift[c]);
                dx[c] = (g * factor[c]) - ((centred * slope[c]) + offset[c]);
            }
        }
    }
}
