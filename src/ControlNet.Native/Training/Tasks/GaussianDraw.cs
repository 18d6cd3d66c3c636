using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>
/// Latents drawn from the posterior of an autoencoder, and how far that posterior is from the unit normal, with their
/// gradients. A few kilobytes an image: computed on the host, where exp is exact. Source: Kingma and Welling, 2013,
/// arXiv:1312.6114, section 2.4 and appendix B.
/// </summary>
internal static class GaussianDraw
{
    private const float SmallestLogVariance = -30f, LargestLogVariance = 20f;

    /// <param name="device">Where the result goes.</param>
    /// <param name="moments">Means, then logarithms of variances: <c>[N, H, W, 2 C]</c>.</param>
    /// <param name="noise">Unit normal, as many as there are means.</param>
    /// <returns>
    /// Latents <c>[N, H, W, C]</c>, and the mean over them of (mean^2 + variance - 1 - log variance) / 2, shape [].
    /// </returns>
    public static (Tensor Latents, Tensor Divergence) Of(Device device, Tensor moments, float[] noise)
    {
        int channels = moments.Shape[3] / 2, count = noise.Length;
        float[] values = moments.ToArray();
        float[] latents = new float[count], deviation = new float[count];
        double divergence = 0;
        for (int i = 0; i < count; i++)
        {
            int at = MeanAt(i, channels);
            float mean = values[at], logVariance = LogVariance(values, at + channels);
            deviation[i] = (float)Math.Exp(0.5 * logVariance);
            latents[i] = mean + (deviation[i] * noise[i]);
            divergence += 0.5 * ((mean * mean) + (deviation[i] * (double)deviation[i]) - 1 - logVariance);
        }

        Shape shape = new(moments.Shape[0], moments.Shape[1], moments.Shape[2], channels);
        Tensor drawn = CustomGradient.Attach(
            Tensor.From(device, shape, latents), [moments], dy => [DrawnBackward(dy)]);
        Tensor distance = CustomGradient.Attach(
            Tensor.From(device, new Shape([]), [(float)(divergence / count)]), [moments],
            dy => [DivergenceBackward(dy)]);
        return (drawn, distance);

        Tensor DrawnBackward(Tensor dy)
        {
            float[] gradient = dy.ToArray(), result = new float[values.Length];
            for (int i = 0; i < count; i++)
            {
                int at = MeanAt(i, channels);
                result[at] = gradient[i];
                result[at + channels] = IsClamped(values, at + channels)
                    ? 0
                    : gradient[i] * 0.5f * deviation[i] * noise[i];
            }

            return Tensor.From(device, moments.Shape, result);
        }

        Tensor DivergenceBackward(Tensor dy)
        {
            float each = dy.ToArray()[0] / count;
            float[] result = new float[values.Length];
            for (int i = 0; i < count; i++)
            {
                int at = MeanAt(i, channels);
                result[at] = each * values[at];
                result[at + channels] = IsClamped(values, at + channels)
                    ? 0
                    : each * 0.5f * ((deviation[i] * deviation[i]) - 1);
            }

            return Tensor.From(device, moments.Shape, result);
        }
    }

    private static int MeanAt(int latent, int channels) =>
        (latent / channels * 2 * channels) + (latent % channels);

    private static float LogVariance(float[] values, int at) =>
        Math.Clamp(values[at], SmallestLogVariance, LargestLogVariance);

    private static bool IsClamped(float[] values, int at) =>
        values[at] is < SmallestLogVariance or > LargestLogVariance;
}
