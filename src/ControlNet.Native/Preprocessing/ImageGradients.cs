using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>Gradients of floats by Sobel or Scharr, as OpenCV's: mirrored at the edges, not normalised.</summary>
public static class ImageGradients
{
    /// <summary>The gradients of a map.</summary>
    /// <param name="map">One channel.</param>
    /// <param name="kind">Which kernel.</param>
    /// <returns>The change along x, to the right, and along y, downwards; each one channel.</returns>
    /// <exception cref="PreprocessingException">The map has several channels, or the kernel is unknown.</exception>
    public static (FloatImage Across, FloatImage Down) Of(FloatImage map, GradientOperator kind)
    {
        ArgumentNullException.ThrowIfNull(map);
        OptionRange.Check($"{nameof(ImageGradients)}.kind", kind);
        if (map.Channels != 1)
        {
            throw new PreprocessingException($"ImageGradients: the map has {map.Channels} channels, but must have 1");
        }

        (float[] across, float[] down) = Of(map.Values, map.Width, map.Height, kind);
        return (FloatImage.Own(map.Width, map.Height, 1, across), FloatImage.Own(map.Width, map.Height, 1, down));
    }

    /// <summary>The gradients of <c>[height, width]</c>.</summary>
    internal static (float[] Across, float[] Down) Of(
        ReadOnlySpan<float> values, int width, int height, GradientOperator kind)
    {
        (float side, float middle) = kind == GradientOperator.Sobel ? (1f, 2f) : (3f, 10f);
        float[] across = new float[values.Length], down = new float[values.Length];
        float[] smooth = new float[width], change = new float[width];
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<float> above = values.Slice(Border.Reflect101(y - 1, height) * width, width);
            ReadOnlySpan<float> centre = values.Slice(y * width, width);
            ReadOnlySpan<float> below = values.Slice(Border.Reflect101(y + 1, height) * width, width);
            for (int x = 0; x < width; x++)
            {
                smooth[x] = (middle * centre[x]) + (side * (above[x] + below[x]));
                change[x] = below[x] - above[x];
            }

            for (int x = 0; x < width; x++)
            {
                int left = Border.Reflect101(x - 1, width), right = Border.Reflect101(x + 1, width);
                across[(y * width) + x] = smooth[right] - smooth[left];
                down[(y * width) + x] = (middle * change[x]) + (side * (change[left] + change[right]));
            }
        }

        return (across, down);
    }
}
