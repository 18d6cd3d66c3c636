using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// The clean sample and the noise as forms of sample and model output, for <c>x = alpha x0 + sigma eps</c> with
/// <c>alpha^2 + sigma^2 = 1</c>. Source: Salimans and Ho, 2022, arXiv:2202.00512, section 4 and appendix D.
/// </summary>
internal static class Prediction
{
    /// <summary>x0.</summary>
    public static LinearForm Clean(PredictionType type, double alpha, double sigma) => type switch
    {
        PredictionType.Epsilon => new LinearForm(1 / alpha, -sigma / alpha),
        PredictionType.Velocity => new LinearForm(alpha, -sigma),
        _ => new LinearForm(0, 1),
    };

    /// <summary>eps.</summary>
    public static LinearForm Noise(PredictionType type, double alpha, double sigma) => type switch
    {
        PredictionType.Epsilon => new LinearForm(0, 1),
        PredictionType.Velocity => new LinearForm(sigma, alpha),
        _ => new LinearForm(1 / sigma, -alpha / sigma),
    };

    /// <summary>x0 where the sample is kept as <c>x0 + sigma eps</c> and only scaled for the model.</summary>
    public static LinearForm CleanUnscaled(PredictionType type, double sigma)
    {
        double alpha = Alpha(sigma);
        LinearForm form = Clean(type, alpha, sigma * alpha);
        return form with { Sample = form.Sample * alpha };
    }

    /// <summary>
    /// eps, the derivative of the sample with respect to sigma, where the sample is kept as <c>x0 + sigma eps</c>.
    /// </summary>
    public static LinearForm NoiseUnscaled(PredictionType type, double sigma)
    {
        double alpha = Alpha(sigma);
        LinearForm form = Noise(type, alpha, sigma * alpha);
        return form with { Sample = form.Sample * alpha };
    }

    /// <summary>The signal at a noise level given in units of the signal: <c>1 / sqrt(1 + sigma^2)</c>.</summary>
    public static double Alpha(double sigma) => 1 / Math.Sqrt(1 + (sigma * sigma));

    /// <summary>
    /// x clamped to [-range, range]. On the host: no Stable Diffusion model asks for it, the engine has no such op, and
    /// latents are small.
    /// </summary>
    public static Tensor Clamp(Tensor x, double range)
    {
        float[] values = x.ToArray();
        float limit = (float)range;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Math.Clamp(values[i], -limit, limit);
        }

        return x.Like(values);
    }
}
