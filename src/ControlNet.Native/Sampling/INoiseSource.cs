using System;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Where normally distributed numbers come from. An image depends on its seed, on the source, and on the sequence of
/// calls: two sources share no numbers, and one call of 2n elements is not two calls of n.
/// </summary>
/// <remarks>A source has a state and serves one thread at a time.</remarks>
public interface INoiseSource
{
    /// <summary>
    /// Fills with independent numbers of mean 0 and variance 1. One call corresponds to one <c>torch.randn</c> of
    /// that many elements, in row-major order; Stable Diffusion draws its latents as <c>[N, 4, H/8, W/8]</c>.
    /// </summary>
    /// <param name="destination">Overwritten; empty draws nothing.</param>
    void FillNormal(Span<float> destination);
}
