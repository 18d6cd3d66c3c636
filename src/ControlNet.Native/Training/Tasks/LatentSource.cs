using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Vae;

namespace ControlNet.Native.Training;

/// <summary>
/// Latents of training pictures: drawn from the posterior of a frozen autoencoder and scaled. With a cache a picture is
/// encoded once and drawn anew each time it is seen.
/// </summary>
internal sealed class LatentSource(Autoencoder vae, Device device, TrainingRandom random, bool caches)
{
    private readonly Dictionary<int, float[]> _moments = [];

    /// <summary>Bytes the cache holds when so many pictures of a size were seen; 0 without a cache.</summary>
    public long CacheBytes(long pictures, int width, int height) => !caches ? 0 : checked(
        pictures * 2 * vae.Config.LatentChannels * (width / vae.Config.Downscale) * (height / vae.Config.Downscale)
        * sizeof(float));

    /// <summary>The latents of a batch.</summary>
    /// <returns><c>[N, H / 8, W / 8, LatentChannels]</c>, scaled, in the caller's scope.</returns>
    public Tensor Of(TrainingBatch batch)
    {
        float[] latents = [];
        int each = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            float[] moments = MomentsOf(batch.Samples[i].Target, batch.Indices[i]);
            each = moments.Length / 2;
            latents = i == 0 ? new float[each * batch.Count] : latents;
            Span<float> own = latents.AsSpan(i * each, each);
            random.FillNormal(RandomUse.Posterior, batch.FirstPosition + i, own);
            for (int j = 0; j < each; j++)
            {
                own[j] = (float)((moments[j] + (moments[each + j] * own[j])) * vae.Config.ScalingFactor);
            }
        }

        RgbImage first = batch.Samples[0].Target;
        int factor = vae.Config.Downscale;
        return Tensor.From(
            device, new Shape(batch.Count, first.Height / factor, first.Width / factor, vae.Config.LatentChannels),
            latents);
    }

    /// <summary>Means of the latents of a picture, then their deviations.</summary>
    private float[] MomentsOf(RgbImage image, int index)
    {
        if (_moments.TryGetValue(index, out float[]? cached))
        {
            return cached;
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor pixels = Tensor.From(
            device, new Shape(1, image.Height, image.Width, 3), image.ToFloats(PixelRange.MinusOneToOne));
        VaePosterior posterior = vae.Encode(pixels);
        float[] mean = posterior.Mean.ToArray(), logVariance = posterior.LogVariance.ToArray();
        float[] moments = [.. mean, .. logVariance.Select(value => MathF.Exp(0.5f * value))];
        if (caches)
        {
            _moments.Add(index, moments);
        }

        return moments;
    }
}
