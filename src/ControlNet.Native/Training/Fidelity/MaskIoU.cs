using System;
using System.Collections.Generic;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Training;

/// <summary>
/// How well the things in a picture stand where they should: intersection over union (Jaccard index) of the pixels that
/// are not background.
/// </summary>
public static class MaskIoU
{
    /// <summary>
    /// Default threshold of <see cref="Foreground"/>, Euclidean distance of 8-bit colours. Half the distance of the two
    /// most alike colours of the drawn sets is 46.
    /// </summary>
    public const double ForegroundThreshold = 40;

    /// <summary>
    /// Pixels whose colour is farther than the threshold from the background's, which is the median of each channel
    /// over the outermost ring of pixels.
    /// </summary>
    /// <param name="image">A picture whose border shows mostly background.</param>
    /// <param name="threshold">Euclidean distance of 8-bit colours, 0 to 442.</param>
    public static PixelMask Foreground(RgbImage image, double threshold = ForegroundThreshold)
    {
        ArgumentNullException.ThrowIfNull(image);
        NamedColour background = BorderColour(image);
        return new PixelMask(image.Width, image.Height, (x, y) =>
        {
            ReadOnlySpan<byte> pixel = image.Pixels.Slice((y * image.Width + x) * 3, 3);
            return background.SquaredDistance(pixel[0], pixel[1], pixel[2]) > threshold * threshold;
        });
    }

    /// <summary>Shared pixels divided by pixels of either: 0 (apart) to 1 (equal, or both without pixels).</summary>
    /// <exception cref="Tensors.ShapeException">The masks differ in size.</exception>
    public static double Of(PixelMask actual, PixelMask expected)
    {
        ArgumentNullException.ThrowIfNull(actual);
        ArgumentNullException.ThrowIfNull(expected);
        int shared = actual.Intersect(expected).Count, either = actual.Count + expected.Count - shared;
        return either == 0 ? 1 : (double)shared / either;
    }

    /// <summary>As the other overload, of the foregrounds of two pictures.</summary>
    /// <exception cref="Tensors.ShapeException">The pictures differ in size.</exception>
    public static double Of(RgbImage actual, RgbImage expected, double threshold = ForegroundThreshold) =>
        Of(Foreground(actual, threshold), Foreground(expected, threshold));

    private static NamedColour BorderColour(RgbImage image)
    {
        List<byte>[] channels = [[], [], []];
        for (int y = 0; y < image.Height; y++)
        {
            bool edgeRow = y == 0 || y == image.Height - 1;
            int step = edgeRow ? 1 : Math.Max(1, image.Width - 1);
            for (int x = 0; x < image.Width; x += step)
            {
                for (int channel = 0; channel < channels.Length; channel++)
                {
                    channels[channel].Add(image.Pixels[(y * image.Width + x) * 3 + channel]);
                }
            }
        }

        return new NamedColour("background", Median(channels[0]), Median(channels[1]), Median(channels[2]));
    }

    private static byte Median(List<byte> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
