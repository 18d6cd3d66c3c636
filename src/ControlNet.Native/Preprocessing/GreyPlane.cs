using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>One byte a pixel, <c>[height, width]</c>: what most preprocessors compute.</summary>
internal static class GreyPlane
{
    /// <summary>The plane as a picture of three equal channels.</summary>
    /// <param name="plane">Exactly <c>width * height</c> bytes.</param>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    public static RgbImage ToRgb(byte[] plane, int width, int height)
    {
        byte[] rgb = new byte[checked(plane.Length * 3)];
        for (int i = 0, at = 0; i < plane.Length; i++, at += 3)
        {
            byte value = plane[i];
            rgb[at] = value;
            rgb[at + 1] = value;
            rgb[at + 2] = value;
        }

        return RgbImage.Own(width, height, rgb);
    }
}
