using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Lines where a picture is darker than its surroundings, by the difference of two Gaussians (Winnemöller and others,
/// 2012, doi:10.1016/j.cag.2012.03.004): scribbles from photographs. Source: <c>scribble_xdog</c> of
/// sd-webui-controlnet.
/// </summary>
public static class ExtendedDoG
{
    private const double Fine = 0.5, Coarse = 5;

    /// <summary>White lines on black.</summary>
    /// <param name="image">Of any size.</param>
    /// <param name="threshold">0 to 255; the higher, the fewer lines.</param>
    /// <exception cref="PreprocessingException">The threshold is out of its range.</exception>
    /// <remarks>
    /// The reference doubles the strength of a line in a byte, which wraps: strengths from 128 on count as if they were
    /// 128 less. Nets were trained on that, so it is kept.
    /// </remarks>
    public static RgbImage Apply(RgbImage image, int threshold = 32)
    {
        ArgumentNullException.ThrowIfNull(image);
        OptionRange.Check($"{nameof(ExtendedDoG)}.threshold", threshold, 0, 255);
        float[] fine = GaussianBlur.Floats(image.Pixels, image.Width, image.Height, 3, Fine);
        float[] coarse = GaussianBlur.Floats(image.Pixels, image.Width, image.Height, 3, Coarse);
        byte[] lines = new byte[image.Width * image.Height];
        for (int i = 0; i < lines.Length; i++)
        {
            int at = 3 * i;
            float least = Math.Min(
                coarse[at] - fine[at], Math.Min(coarse[at + 1] - fine[at + 1], coarse[at + 2] - fine[at + 2]));
            byte paper = (byte)Math.Clamp(255f - least, 0f, 255f);
            byte doubled = unchecked((byte)(2 * (255 - paper)));
            lines[i] = doubled > threshold ? byte.MaxValue : (byte)0;
        }

        return GreyPlane.ToRgb(lines, image.Width, image.Height);
    }
}
