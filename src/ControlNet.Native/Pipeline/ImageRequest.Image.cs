using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native;

/// <content>Starting from a picture, and repainting a part of it.</content>
public sealed partial record ImageRequest
{
    /// <summary>How much is redone of a picture without a mask; the default of diffusers.</summary>
    internal const double DefaultStrength = 0.8;

    /// <summary>
    /// The picture to start from: image-to-image, or with <see cref="Mask"/> inpainting. Any size: it is stretched to
    /// the size of the result, which is its own, rounded down to a multiple of 8, where the request names none. Null
    /// starts from noise.
    /// </summary>
    /// <remarks>
    /// The picture is encoded, a sample of its latents is noised to the level of the first of the steps that
    /// <see cref="Strength"/> leaves, and denoised from there. Source: Meng et al., 2021, arXiv:2108.01073 (SDEdit).
    /// Noise is drawn in the order of diffusers: for the encoder, for the latents, for the encoder's masked picture,
    /// for the steps. <see cref="InitialLatents"/> take the place of the second.
    /// </remarks>
    public RgbImage? InitialImage { get; init; }

    /// <summary>
    /// How much of the picture is redone, 0 to 1: of <see cref="Steps"/> the last <c>floor(Steps * Strength)</c> are
    /// taken, at least one. Null is 0.8, with a mask 1. At 1 inpainting starts from pure noise; without a mask the
    /// picture is noised to the highest level, which still shows a trace of it. As in diffusers.
    /// </summary>
    public double? Strength { get; init; }

    /// <summary>
    /// What to repaint of <see cref="InitialImage"/>: white (grey of 128 and more, once it has the size of the result)
    /// is repainted, black kept. An ordinary model keeps the latents outside by putting the noised original back after
    /// every step; an inpainting model, whose UNet reads 9 channels, is shown mask and masked picture instead.
    /// </summary>
    /// <remarks>
    /// Sources: diffusers' StableDiffusionInpaintPipeline (v0.31); Rombach et al., 2022, arXiv:2112.10752, section 4.5.
    /// </remarks>
    public RgbImage? Mask { get; init; }

    /// <summary>
    /// Puts the pixels of <see cref="InitialImage"/> back where <see cref="Mask"/> is black, as the A1111 web UI does.
    /// Otherwise they went through the autoencoder and differ a little, but meet the repainted part without an edge.
    /// Concerns <see cref="GeneratedImage.Image"/>, not what was decoded.
    /// </summary>
    public bool KeepUnmasked { get; init; }

    /// <summary>What <see cref="Strength"/> is where a request does not say.</summary>
    internal double EffectiveStrength => Strength ?? (Mask is null ? DefaultStrength : 1);

    /// <summary>Steps that are taken of those a sampler has.</summary>
    internal int StepsTakenOf(int steps) => InitialImage is null ? steps : StepsOf(steps, EffectiveStrength);

    /// <summary>
    /// Steps that a strength leaves. Source: diffusers' <c>get_timesteps</c>, of which this is the arithmetic.
    /// </summary>
    internal static int StepsOf(int steps, double strength) => Math.Min((int)(steps * strength), steps);

    private void ValidateImage()
    {
        RequireWith(nameof(Strength), Strength is not null, nameof(InitialImage), InitialImage is not null);
        RequireWith(nameof(Mask), Mask is not null, nameof(InitialImage), InitialImage is not null);
        RequireWith(nameof(KeepUnmasked), KeepUnmasked, nameof(Mask), Mask is not null);
        if (InitialImage is not null)
        {
            CheckStrength(nameof(Strength), EffectiveStrength, nameof(Steps), Steps);
        }
    }

    internal static void CheckStrength(string name, double strength, string stepsName, int steps)
    {
        CheckRange(name, strength, 0, 1);
        if (StepsOf(steps, strength) < 1)
        {
            throw new RequestException(FormattableString.Invariant(
                $"{name} is {strength}, which leaves none of {steps} steps; raise it, or {stepsName}, until ") +
                "their product is at least 1");
        }
    }

    private static void RequireWith(string name, bool given, string other, bool otherGiven)
    {
        if (given && !otherGiven)
        {
            throw new RequestException($"{name} is given without {other}; give both or neither");
        }
    }
}
