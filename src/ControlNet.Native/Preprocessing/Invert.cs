using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// The negative, <c>255 - x</c> of each channel: for drawings in black on white, where nets expect white on black.
/// </summary>
public static class Invert
{
    /// <summary>The negative of a picture.</summary>
    public static RgbImage Apply(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        byte[] rgb = image.Pixels.ToArray();
        for (int i = 0; i < rgb.Length; i++)
        {
            rgb[i] = (byte)~rgb[i];
        }

        return RgbImage.Own(image.Width, image.Height, rgb);
    }
}
