using System;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Vae;

/// <summary>
/// What the encoder knows about the latents of an image: a normal distribution for each value. Source: Kingma and
/// Welling, 2013, arXiv:1312.6114; distributions.py DiagonalGaussianDistribution.
/// </summary>
public sealed class VaePosterior : IDisposable
{
    private const float SmallestLogVariance = -30f, LargestLogVariance = 20f;

    private readonly Tensor _deviation;

    /// <summary>
    /// Splits the encoder's output. The tensors of the posterior belong to the caller's scope, or to it.
    /// </summary>
    internal VaePosterior(Device device, Tensor moments)
    {
        // A few kilobytes, once an image: computed on the host, where exp is exact to the last bit.
        int latentChannels = moments.Shape[-1] / 2;
        float[] values = moments.ToArray();
        float[] mean = new float[values.Length / 2];
        float[] logVariance = new float[mean.Length], deviation = new float[mean.Length];
        for (int i = 0; i < mean.Length; i++)
        {
            int pixel = i / latentChannels, channel = i % latentChannels;
            int at = (pixel * 2 * latentChannels) + channel;
            mean[i] = values[at];
            logVariance[i] = Math.Clamp(values[at + latentChannels], SmallestLogVariance, LargestLogVariance);
            deviation[i] = (float)Math.Exp(0.5 * logVariance[i]);
        }

        Shape shape = new(moments.Shape[0], moments.Shape[1], moments.Shape[2], latentChannels);
        Mean = Tensor.From(device, shape, mean);
        LogVariance = Tensor.From(device, shape, logVariance);
        _deviation = Tensor.From(device, shape, deviation);
    }

    /// <summary>The most likely latents, <c>[N, H, W, LatentChannels]</c>, not scaled.</summary>
    public Tensor Mean { get; }

    /// <summary>Logarithm of each variance, clamped to [-30, 20]; shape of <see cref="Mean"/>.</summary>
    public Tensor LogVariance { get; }

    /// <summary>Draws latents: mean plus deviation times noise.</summary>
    /// <param name="noise">Normal numbers of the shape of <see cref="Mean"/>.</param>
    /// <returns>Latents, not scaled.</returns>
    /// <exception cref="ModelException">The noise has another shape.</exception>
    public Tensor Sample(Tensor noise)
    {
        ArgumentNullException.ThrowIfNull(noise);
        if (noise.Shape != Mean.Shape)
        {
            throw new ModelException(
                $"the latents are {Mean.Shape}, the noise {noise.Shape}; draw noise of the latents' shape");
        }

        using TensorScope scope = TensorScope.Enter();
        return scope.Keep(Ops.Add(Mean, Ops.Multiply(_deviation, noise)));
    }

    /// <summary>Hands the tensors to the scope around <paramref name="scope"/>.</summary>
    internal void KeepIn(TensorScope scope)
    {
        scope.Keep(Mean);
        scope.Keep(LogVariance);
        scope.Keep(_deviation);
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Mean.Dispose();
        LogVariance.Dispose();
        _deviation.Dispose();
    }
}
