using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>
/// What an autoencoder is built from: diffusers' <c>AutoencoderKL</c> (v0.31). Levels count from full resolution
/// down. The record's own defaults are those of Stable Diffusion 1.x and 2.x.
/// </summary>
public sealed record VaeConfig
{
    /// <summary>Channels of the image the encoder reads.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the image the decoder writes.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Channels of the latents; the encoder writes twice as many (mean and log-variance).</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Channels of each level.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [128, 256, 512, 512];

    /// <summary>Residual blocks of a level in the encoder; the decoder has one more.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>Groups of every group norm.</summary>
    public int NormGroups { get; init; } = 32;

    /// <summary>Epsilon of every group norm; fixed in every implementation.</summary>
    public double NormEps { get; init; } = 1e-6;

    /// <summary>Latents the UNet sees are the encoder's times this.</summary>
    public double ScalingFactor { get; init; } = 0.18215;

    /// <summary>Whether a 1x1 convolution stands behind the encoder.</summary>
    public bool UseQuantConv { get; init; } = true;

    /// <summary>Whether a 1x1 convolution stands before the decoder.</summary>
    public bool UsePostQuantConv { get; init; } = true;

    /// <summary>Whether the middle of encoder and decoder has its single-head attention.</summary>
    public bool MidAttention { get; init; } = true;

    /// <summary>Image pixels per latent pixel along an edge: 2 for every level but the last.</summary>
    public int Downscale => 1 << (BlockOutChannels.Count - 1);

    /// <summary>Same values in every field, lists compared element by element.</summary>
    public bool Equals(VaeConfig? other) =>
        other is not null && (InChannels, OutChannels, LatentChannels, LayersPerBlock, NormGroups)
            == (other.InChannels, other.OutChannels, other.LatentChannels, other.LayersPerBlock, other.NormGroups)
        && (NormEps, ScalingFactor, UseQuantConv, UsePostQuantConv, MidAttention)
            == (other.NormEps, other.ScalingFactor, other.UseQuantConv, other.UsePostQuantConv, other.MidAttention)
        && BlockOutChannels.SequenceEqual(other.BlockOutChannels);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(InChannels, OutChannels, LatentChannels, LayersPerBlock, NormGroups, BlockOutChannels[0]);
}
