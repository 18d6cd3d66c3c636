using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>Splits a picture into black and white by its darkest channel.</summary>
public static class Threshold
{
    /// <summary>White where <c>min(R, G, B)</c> is above the level, else black.</summary>
    /// <param name="image">Of any size.</param>
    /// <param name="level">0 to 255.</param>
    /// <exception cref="PreprocessingException">The level is out of its range.</exception>
    public static RgbImage Apply(RgbImage image, int level = 127)
    {
        ArgumentNullException.ThrowIfNull(image);
        OptionRange.Check($"{nameof(Threshold)}.level", level, 0, 255);
        return Split(image, level, above: byte.MaxValue, otherwise: 0);
    }

    /// <summary>One value where the darkest channel is above the level, another elsewhere.</summary>
    internal static RgbImage Split(RgbImage image, int level, byte above, byte otherwise)
    {
        byte[] plane = new byte[image.Width * image.Height];
        ReadOnlySpan<byte> rgb = image.Pixels;
        for (int i = 0; i < plane.Length; i++)
        {
            ReadOnlySpan<byte> pixel = rgb.Slice(3 * i, 3);
            plane[i] = Math.Min(pixel[0], Math.Min(pixel[1], pixel[2])) > level ? above : otherwise;
        }

        return GreyPlane.ToRgb(plane, image.Width, image.Height);
    }
}
