using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Non-maximum suppression: soft edges become their ridges, white on black. Source: <c>nms</c> of
/// lllyasviel/ControlNet.
/// </summary>
public static class EdgeThinning
{
    /// <summary>
    /// Blurs the luminance and keeps each pixel that is nowhere below its two neighbours along one of the four
    /// directions and above the threshold.
    /// </summary>
    /// <param name="edges">Soft edges, light on dark.</param>
    /// <param name="options">Blur and threshold; null for the defaults.</param>
    /// <exception cref="PreprocessingException">An option is out of its range.</exception>
    public static RgbImage Apply(RgbImage edges, EdgeThinningOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(edges);
        options ??= new EdgeThinningOptions();
        options.Check();
        int width = edges.Width, height = edges.Height;
        float[] blurred = GaussianBlur.Floats(Grey.Plane(edges), width, height, 1, options.Sigma);
        byte[] ridges = new byte[blurred.Length];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int at = (y * width) + x;
                if (blurred[at] > options.Threshold && IsRidge(blurred, width, height, x, y))
                {
                    ridges[at] = byte.MaxValue;
                }
            }
        }

        return GreyPlane.ToRgb(ridges, width, height);
    }

    private static bool IsRidge(float[] values, int width, int height, int x, int y)
    {
        float value = values[(y * width) + x];
        return NotBelow(1, 0) || NotBelow(0, 1) || NotBelow(1, 1) || NotBelow(1, -1);

        bool NotBelow(int dx, int dy) => value >= At(x - dx, y - dy) && value >= At(x + dx, y + dy);

        // What is outside is below everything.
        float At(int column, int row) => (uint)column < (uint)width && (uint)row < (uint)height
            ? values[(row * width) + column]
            : float.NegativeInfinity;
    }
}
