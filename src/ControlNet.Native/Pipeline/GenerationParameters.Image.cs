using System.Collections.Generic;

namespace ControlNet.Native;

/// <content>What started from a picture, in A1111's words; it has none for the picture itself.</content>
internal static partial class GenerationParameters
{
    private static IEnumerable<string> ImageSettings(ImageRequest request)
    {
        if (request.InitialImage is not null)
        {
            yield return Invariant($"Denoising strength: {request.EffectiveStrength}");
        }

        if (request.Mask is not null)
        {
            // A1111 blurs masks by so many pixels; here their edges are as they are drawn.
            yield return "Mask blur: 0";
        }

        if (request.HiresPass is { } pass)
        {
            foreach (string setting in HiresSettings(pass))
            {
                yield return setting;
            }
        }
    }

    private static IEnumerable<string> HiresSettings(HiresPass pass)
    {
        yield return Invariant($"Denoising strength: {pass.Strength}");
        yield return pass.Width is null && pass.Height is null
            ? Invariant($"Hires upscale: {pass.Scale}")
            : Invariant($"Hires resize: {pass.Width ?? 0}x{pass.Height ?? 0}");
        if (pass.Steps is { } steps)
        {
            yield return Invariant($"Hires steps: {steps}");
        }

        yield return pass.Upscaler switch
        {
            HiresUpscaler.Latent => "Hires upscaler: Latent",
            HiresUpscaler.LatentNearest => "Hires upscaler: Latent (nearest)",
            _ => "Hires upscaler: Cubic",
        };
    }
}
