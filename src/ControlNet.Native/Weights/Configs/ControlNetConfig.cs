using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>
/// What a ControlNet is built from: a copy of the UNet's encoder and middle block, and the stack of convolutions that
/// brings the hint to the size of the latents. Source: diffusers' <c>ControlNetModel</c> (v0.31); L. Zhang, A. Rao,
/// M. Agrawala, "Adding Conditional Control to Text-to-Image Diffusion Models", 2023, figure 3 and section 3.3.
/// </summary>
public sealed record ControlNetConfig
{
    /// <summary>
    /// The encoder the ControlNet copies. Its fields about the way up (<see cref="UnetConfig.UpAttention"/>,
    /// <see cref="UnetConfig.OutChannels"/>) mean nothing here.
    /// </summary>
    public UnetConfig Encoder { get; init; } = new();

    /// <summary>Channels of the hint: 3 for an RGB image.</summary>
    public int ConditioningChannels { get; init; } = 3;

    /// <summary>
    /// Channels of the hint stack: the first convolution writes entry 0; each further entry is reached by a
    /// convolution of the same width followed by one of stride 2.
    /// </summary>
    public IReadOnlyList<int> ConditioningEmbeddingOutChannels { get; init; } = [16, 32, 96, 256];

    /// <summary>
    /// Whether each block of the copied encoder is a single convolution, as in the paper's comparison
    /// "ControlNet-lite". Only checkpoints of this library say so (<c>controlnet_lite</c>).
    /// </summary>
    public bool IsLite { get; init; }

    /// <summary>Whether the hint's channels are handed over as blue, green, red.</summary>
    public bool ConditioningIsBgr { get; init; }

    /// <summary>
    /// Whether every residual is replaced by its mean over the image ("shuffle" models); such a net acts on the
    /// conditional half of guidance only.
    /// </summary>
    public bool GlobalPoolConditions { get; init; }

    /// <summary>Hint pixels per latent pixel along an edge.</summary>
    public int HintDownscale => 1 << (ConditioningEmbeddingOutChannels.Count - 1);

    /// <summary>Same values in every field, lists compared element by element.</summary>
    public bool Equals(ControlNetConfig? other) =>
        other is not null && Encoder.Equals(other.Encoder)
        && (ConditioningChannels, ConditioningIsBgr, GlobalPoolConditions, IsLite)
            == (other.ConditioningChannels, other.ConditioningIsBgr, other.GlobalPoolConditions, other.IsLite)
        && ConditioningEmbeddingOutChannels.SequenceEqual(other.ConditioningEmbeddingOutChannels);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Encoder, ConditioningChannels, GlobalPoolConditions);
}
