using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// What ControlNets for inpainting read: the picture in [0, 1], and -1 where it is to be painted anew. Source:
/// lllyasviel/control_v11p_sd15_inpaint.
/// </summary>
public static class InpaintHint
{
    /// <summary>The value of every channel under the mask.</summary>
    public const float Masked = -1f;

    /// <summary>Makes the hint.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="mask">Of the same size; where its luminance is 128 or more the picture is masked.</param>
    /// <returns><c>[Height, Width, 3]</c>.</returns>
    /// <exception cref="PreprocessingException">The sizes differ.</exception>
    public static FloatImage Apply(RgbImage image, RgbImage mask)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(mask);
        if (image.Width != mask.Width || image.Height != mask.Height)
        {
            throw new PreprocessingException(
                $"InpaintHint: the picture is {image}, the mask {mask}; resize one to the other");
        }

        float[] values = image.ToFloats(PixelRange.ZeroToOne);
        byte[] masked = Grey.Plane(mask);
        for (int i = 0; i < masked.Length; i++)
        {
            if (masked[i] >= 128)
            {
                values.AsSpan(3 * i, 3).Fill(Masked);
            }
        }

        return FloatImage.Own(image.Width, image.Height, 3, values);
    }
}
