using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Splits a picture into white and black by its luminance, dark becoming white. Source: <c>binary</c> of
/// sd-webui-controlnet.
/// </summary>
public static class Binary
{
    /// <summary>Black where the luminance is above the level, else white.</summary>
    /// <param name="image">Of any size.</param>
    /// <param name="level">1 to 254; 0 or 255 for the one of <see cref="OtsuLevel"/>.</param>
    /// <exception cref="PreprocessingException">The level is out of its range.</exception>
    public static RgbImage Apply(RgbImage image, int level = 0)
    {
        ArgumentNullException.ThrowIfNull(image);
        OptionRange.Check($"{nameof(Binary)}.level", level, 0, 255);
        byte[] plane = Grey.Plane(image);
        int split = level is 0 or 255 ? Otsu(plane) : level;
        for (int i = 0; i < plane.Length; i++)
        {
            plane[i] = plane[i] > split ? (byte)0 : byte.MaxValue;
        }

        return GreyPlane.ToRgb(plane, image.Width, image.Height);
    }

    /// <summary>
    /// The level that parts dark and light best: it maximises the variance between both. Source: Otsu, 1979,
    /// doi:10.1109/TSMC.1979.4310076; equal to OpenCV's.
    /// </summary>
    /// <returns>0 to 255; 0 for a flat picture.</returns>
    public static int OtsuLevel(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Otsu(Grey.Plane(image));
    }

    private static int Otsu(byte[] plane)
    {
        const double Epsilon = 1.1920928955078125e-7; // of float32, as OpenCV leaves out one-sided splits
        long[] histogram = new long[256];
        double mean = 0;
        foreach (byte value in plane)
        {
            histogram[value]++;
        }

        for (int i = 0; i < histogram.Length; i++)
        {
            mean += i * (double)histogram[i];
        }

        double scale = 1.0 / plane.Length, darkMean = 0, dark = 0, best = 0;
        mean *= scale;
        int level = 0;
        for (int i = 0; i < histogram.Length; i++)
        {
            double share = histogram[i] * scale;
            darkMean *= dark;
            dark += share;
            double light = 1 - dark;
            if (Math.Min(dark, light) < Epsilon || Math.Max(dark, light) > 1 - Epsilon)
            {
                continue;
            }

            darkMean = (darkMean + (i * share)) / dark;
            double lightMean = (mean - (dark * darkMean)) / light;
            double between = dark * light * (darkMean - lightMean) * (darkMean - lightMean);
            if (between > best)
            {
                (best, level) = (between, i);
            }
        }

        return level;
    }
}
