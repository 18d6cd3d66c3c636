using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Training;

/// <summary>How well the outlines of a picture lie on those expected.</summary>
/// <param name="Precision">Share of the picture's edge pixels near an expected one; 1 when it has none.</param>
/// <param name="Recall">Share of the expected edge pixels near one of the picture; 1 when none is expected.</param>
public readonly record struct EdgeScore(double Precision, double Recall)
{
    /// <summary>Harmonic mean of both, 0 to 1.</summary>
    public double F1 => Precision + Recall == 0 ? 0 : 2 * Precision * Recall / (Precision + Recall);
}

/// <summary>
/// Compares edges within a tolerance, as boundary benchmarks do (Martin, Fowlkes, Malik 2004), with the nearest edge
/// instead of a one-to-one assignment.
/// </summary>
public static class EdgeF1
{
    /// <summary>Default threshold of <see cref="Edges"/>, in levels of 255 a pixel.</summary>
    public const double GradientThreshold = 16;

    /// <summary>Default distance at which an edge still counts as found, in pixels; a diagonal step is one.</summary>
    public const int Tolerance = 2;

    /// <summary>
    /// Pixels where a channel changes quickly: Sobel's operator divided by 8, which is the change of the channel's
    /// value a pixel; the strongest channel counts, edges of the picture are repeated.
    /// </summary>
    /// <param name="image">Any picture.</param>
    /// <param name="threshold">The least change, in levels of 255 a pixel; above 0.</param>
    public static PixelMask Edges(RgbImage image, double threshold = GradientThreshold)
    {
        ArgumentNullException.ThrowIfNull(image);
        return new PixelMask(image.Width, image.Height, (x, y) =>
            Math.Max(Gradient(image, x, y, 0), Math.Max(Gradient(image, x, y, 1), Gradient(image, x, y, 2)))
                >= 64 * threshold * threshold);
    }

    /// <summary>The lines of a hint drawn white on black: pixels whose green is 128 or more.</summary>
    public static PixelMask Lines(RgbImage hint)
    {
        ArgumentNullException.ThrowIfNull(hint);
        return new PixelMask(
            hint.Width, hint.Height, (x, y) => hint.Pixels[(y * hint.Width + x) * 3 + 1] >= 128);
    }

    /// <summary>Precision and recall of a set of edge pixels.</summary>
    /// <param name="actual">Edges of the picture to judge.</param>
    /// <param name="expected">Edges it should have.</param>
    /// <param name="tolerance">Pixels, from 0.</param>
    /// <exception cref="Tensors.ShapeException">The masks differ in size.</exception>
    public static EdgeScore Of(PixelMask actual, PixelMask expected, int tolerance = Tolerance)
    {
        ArgumentNullException.ThrowIfNull(actual);
        ArgumentNullException.ThrowIfNull(expected);
        return new EdgeScore(
            Share(actual.Intersect(expected.Grow(tolerance)).Count, actual.Count),
            Share(expected.Intersect(actual.Grow(tolerance)).Count, expected.Count));
    }

    /// <summary>As the other overload, of the edges of two pictures.</summary>
    /// <exception cref="Tensors.ShapeException">The pictures differ in size.</exception>
    public static EdgeScore Of(
        RgbImage actual, RgbImage expected, double threshold = GradientThreshold, int tolerance = Tolerance) =>
        Of(Edges(actual, threshold), Edges(expected, threshold), tolerance);

    private static double Share(int part, int whole) => whole == 0 ? 1 : (double)part / whole;

    /// <summary>Squared length of Sobel's gradient, 64 times that of the change a pixel.</summary>
    private static int Gradient(RgbImage image, int x, int y, int channel)
    {
        int across = Side(1, 0) - Side(-1, 0), down = Side(0, 1) - Side(0, -1);
        return across * across + down * down;

        int Side(int dx, int dy) =>
            At(x + dx - dy, y + dy - dx) + 2 * At(x + dx, y + dy) + At(x + dx + dy, y + dy + dx);

        int At(int column, int row) => image.Pixels[
            (Math.Clamp(row, 0, image.Height - 1) * image.Width + Math.Clamp(column, 0, image.Width - 1)) * 3
            + channel];
    }
}
