using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Luminance, to the bit as OpenCV's <c>COLOR_RGB2GRAY</c>: <c>(9798 R + 19235 G + 3735 B + 16384) / 32768</c>.
/// </summary>
public static class Grey
{
    /// <summary>The picture with all three channels equal to its luminance.</summary>
    public static RgbImage Apply(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return GreyPlane.ToRgb(Plane(image), image.Width, image.Height);
    }

    /// <summary>The luminance, <c>[Height, Width]</c>.</summary>
    internal static byte[] Plane(RgbImage image)
    {
        byte[] plane = new byte[image.Width * image.Height];
        ReadOnlySpan<byte> rgb = image.Pixels;
        for (int i = 0; i < plane.Length; i++)
        {
            ReadOnlySpan<byte> pixel = rgb.Slice(3 * i, 3);
            plane[i] = (byte)(((9798 * pixel[0]) + (19235 * pixel[1]) + (3735 * pixel[2]) + 16384) >> 15);
        }

        return plane;
    }
}
