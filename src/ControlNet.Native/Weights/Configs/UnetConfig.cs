using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>
/// What a noise-predicting UNet is built from. Levels count from the highest resolution down; the fields carry the
/// names and, unless a remark says otherwise, the meaning of diffusers' <c>UNet2DConditionModel</c> (v0.31).
/// The record's own defaults are those of Stable Diffusion 1.5.
/// </summary>
public sealed record UnetConfig
{
    /// <summary>Channels of the latent input: 4, or 9 for an inpainting model (latent, mask, masked latent).</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Channels of the prediction.</summary>
    public int OutChannels { get; init; } = 4;

    /// <summary>Channels of each level.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Residual blocks of each level going down; going up a level has one more.</summary>
    public IReadOnlyList<int> LayersPerBlock { get; init; } = [2, 2, 2, 2];

    /// <summary>Which levels have a transformer behind every residual block going down.</summary>
    public IReadOnlyList<bool> DownAttention { get; init; } = [true, true, true, false];

    /// <summary>
    /// Which levels have transformers going up, again counted from the highest resolution: entry 0 describes the
    /// <em>last</em> up block. (diffusers lists <c>up_block_types</c> in the order they run.)
    /// </summary>
    public IReadOnlyList<bool> UpAttention { get; init; } = [true, true, true, false];

    /// <summary>
    /// Attention heads of each level; the middle block uses the last entry, the up blocks use the entry of their
    /// level. diffusers calls this field <c>attention_head_dim</c>, although it holds a number of heads.
    /// </summary>
    public IReadOnlyList<int> Heads { get; init; } = [8, 8, 8, 8];

    /// <summary>Width of the text states the cross-attention reads: 768 for SD 1.x, 1024 for SD 2.x.</summary>
    public int CrossAttentionDim { get; init; } = 768;

    /// <summary>Groups of every group norm.</summary>
    public int NormGroups { get; init; } = 32;

    /// <summary>Epsilon of the group norms in residual blocks and before the output convolution.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>Epsilon of the group norm at the head of each transformer; fixed in every implementation.</summary>
    public double TransformerNormEps { get; init; } = 1e-6;

    /// <summary>
    /// Whether a transformer's <c>proj_in</c> and <c>proj_out</c> are linear layers (SD 2.x) or 1x1 convolutions.
    /// </summary>
    public bool UseLinearProjection { get; init; }

    /// <summary>Width of the time embedding; four times the first level's channels in every known model.</summary>
    public int TimeEmbedDim { get; init; } = 1280;

    /// <summary>Whether the sinusoidal embedding puts the cosines first.</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>Shift of the sinusoid's frequencies: the exponent is divided by half the width minus this.</summary>
    public double FreqShift { get; init; }

    /// <summary>Zero padding on every side of the strided convolutions.</summary>
    public int DownsamplePadding { get; init; } = 1;

    /// <summary>Whether the input is mapped by 2x - 1 first.</summary>
    public bool CenterInputSample { get; init; }

    /// <summary>
    /// Whether the reference raises attention logits to float32. This library always accumulates in float32, so the
    /// field only tells where the checkpoint comes from.
    /// </summary>
    public bool UpcastAttention { get; init; }

    /// <summary>
    /// Edge of the latents the model was trained on, in latent pixels: 64 for 512 pixels, 96 for 768.
    /// </summary>
    public int SampleSize { get; init; } = 64;

    /// <summary>
    /// Edge in latent pixels of the images a level reads at the size the model was trained on, at least 1.
    /// </summary>
    public int ImageSizeOf(int level) => Math.Max(1, SampleSize >> level);

    /// <summary>How many levels there are.</summary>
    public int Levels => BlockOutChannels.Count;

    /// <summary>Same values in every field, lists compared element by element.</summary>
    public bool Equals(UnetConfig? other) =>
        other is not null && (InChannels, OutChannels, CrossAttentionDim)
            == (other.InChannels, other.OutChannels, other.CrossAttentionDim)
        && (NormGroups, TimeEmbedDim, SampleSize) == (other.NormGroups, other.TimeEmbedDim, other.SampleSize)
        && (NormEps, TransformerNormEps, FreqShift, DownsamplePadding)
            == (other.NormEps, other.TransformerNormEps, other.FreqShift, other.DownsamplePadding)
        && (UseLinearProjection, FlipSinToCos, CenterInputSample, UpcastAttention)
            == (other.UseLinearProjection, other.FlipSinToCos, other.CenterInputSample, other.UpcastAttention)
        && BlockOutChannels.SequenceEqual(other.BlockOutChannels) && LayersPerBlock.SequenceEqual(other.LayersPerBlock)
        && DownAttention.SequenceEqual(other.DownAttention) && UpAttention.SequenceEqual(other.UpAttention)
        && Heads.SequenceEqual(other.Heads);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(InChannels, OutChannels, CrossAttentionDim, NormGroups, Levels, BlockOutChannels[0]);
}
