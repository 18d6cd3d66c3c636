using System;

namespace ControlNet.Native.Imaging;

/// <summary>
/// The hint of ControlNets made for inpainting (<c>control_v11p_sd15_inpaint</c>): the picture itself, and a value no
/// picture has where it is to be repainted.
/// </summary>
public static class InpaintHint
{
    /// <summary>What stands under the mask, in all channels.</summary>
    public const float Masked = -1;

    /// <summary>Makes the hint.</summary>
    /// <param name="image">The picture; stretched to the size.</param>
    /// <param name="mask">What to repaint of it: white, as in <see cref="ImageRequest.Mask"/>; stretched too.</param>
    /// <param name="width">Width in pixels, from 1.</param>
    /// <param name="height">Height in pixels, from 1.</param>
    /// <returns><c>[height, width, 3]</c>: RGB in [0, 1], and -1 where the mask is white.</returns>
    /// <exception cref="Tensors.ShapeException">The size is not that of a picture.</exception>
    /// <remarks>
    /// Source: <c>gradio_inpaint.py</c> of lllyasviel/ControlNet-v1-1; diffusers' <c>make_inpaint_condition</c>.
    /// </remarks>
    public static float[] Of(RgbImage image, RgbImage mask, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(mask);
        float[] hint = image.Resize(width, height).ToFloats(PixelRange.ZeroToOne);
        RepaintMask.From(mask, width, height).Fill(hint, Masked);
        return hint;
    }
}
