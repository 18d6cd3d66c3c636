using ControlNet.Native.Imaging;
using ControlNet.Native.Weights;

namespace ControlNet.Native;

/// <summary>What of the picture and mask of a request can only be checked beside a model and a size.</summary>
internal static class ImageChecks
{
    /// <summary>The mask at the size of the result; null without one.</summary>
    /// <exception cref="RequestException">It marks no latent.</exception>
    public static RepaintMask? MaskOf(ImageRequest request, int width, int height)
    {
        if (request.Mask is not { } picture)
        {
            return null;
        }

        const int step = ImageRequest.PixelsPerLatent;
        RepaintMask mask = RepaintMask.From(picture, width, height);
        foreach (float value in mask.Latents(step, channels: 1))
        {
            if (value > 0)
            {
                return mask;
            }
        }

        throw new RequestException(
            $"Mask marks nothing to repaint at {width} x {height} pixels; paint white what is to be repainted, at " +
            $"least {step} x {step} pixels of it");
    }

    /// <summary>Whether the UNet is one that reads latents, a mask and the latents of the masked picture.</summary>
    /// <exception cref="RequestException">It is and there is no mask, or it reads something else.</exception>
    public static bool ReadsMask(ImageRequest request, string model, UnetConfig unet, VaeConfig vae)
    {
        int latents = vae.LatentChannels;
        if (unet.InChannels == latents)
        {
            return false;
        }

        string facts = $"the UNet of {model} takes {unet.InChannels} channels, latents have {latents}";
        if (unet.InChannels != (2 * latents) + 1)
        {
            throw new RequestException($"{facts}: it reads more than a picture and a mask; take an ordinary model");
        }

        return request.Mask is not null ? true : throw new RequestException(
            $"{facts}: it is an inpainting model, which needs an image and a mask; set InitialImage and Mask, or " +
            "take an ordinary model");
    }
}
