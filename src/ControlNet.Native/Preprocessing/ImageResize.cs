using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Other sizes by OpenCV's rules: nearest to the bit, the others within 1 of <c>cv2.resize</c>, which computes them in
/// fixed point.
/// </summary>
public static class ImageResize
{
    /// <summary>Least resolution for <see cref="ToResolution"/>.</summary>
    public const int MinResolution = 64;

    /// <summary>Largest resolution for <see cref="ToResolution"/>.</summary>
    public const int MaxResolution = 8192;

    private const int Multiple = 64, Channels = 3;

    /// <summary>The picture in another size.</summary>
    /// <param name="image">Of any size.</param>
    /// <param name="width">New width, from 1.</param>
    /// <param name="height">New height, from 1.</param>
    /// <param name="mode">How.</param>
    /// <exception cref="PreprocessingException">The size is not positive or exceeds
    /// <see cref="RgbImage.MaxPixels"/>.</exception>
    public static RgbImage Apply(RgbImage image, int width, int height, Interpolation mode)
    {
        ArgumentNullException.ThrowIfNull(image);
        OptionRange.Check($"{nameof(ImageResize)}.mode", mode);
        if (width <= 0 || height <= 0 || (long)width * height > RgbImage.MaxPixels)
        {
            throw new PreprocessingException(
                $"ImageResize: a picture of {width} x {height} pixels; both must be at least 1 and the product at " +
                $"most {RgbImage.MaxPixels}");
        }

        if (width == image.Width && height == image.Height)
        {
            return image;
        }

        bool grows = width > image.Width || height > image.Height;
        (AxisTaps columns, AxisTaps rows) = mode == Interpolation.Area && grows
            ? (AxisTaps.AreaGrowing(image.Width, width), AxisTaps.AreaGrowing(image.Height, height))
            : (AxisTaps.Of(image.Width, width, mode), AxisTaps.Of(image.Height, height, mode));
        return RgbImage.Own(width, height, mode == Interpolation.Nearest
            ? Pick(image, columns.At, rows.At)
            : Blend(image, columns, rows, width, height));
    }

    /// <summary>
    /// The size lllyasviel's <c>resize_image</c> gives: the shorter edge becomes the resolution, then both the nearest
    /// multiple of 64; Lanczos where the picture grows, else area.
    /// </summary>
    /// <param name="image">Of any size.</param>
    /// <param name="resolution">Pixels of the shorter edge, 64 to 8192.</param>
    /// <exception cref="PreprocessingException">The resolution is out of its range, or the picture so long that the
    /// result exceeds <see cref="RgbImage.MaxPixels"/>.</exception>
    public static RgbImage ToResolution(RgbImage image, int resolution)
    {
        ArgumentNullException.ThrowIfNull(image);
        OptionRange.Check($"{nameof(ImageResize)}.resolution", resolution, MinResolution, MaxResolution);
        double scale = (double)resolution / Math.Min(image.Width, image.Height);
        return Apply(
            image, Edge(image.Width * scale), Edge(image.Height * scale),
            scale > 1 ? Interpolation.Lanczos4 : Interpolation.Area);

        // Halves to even, as NumPy rounds.
        static int Edge(double pixels) => (int)Math.Min(Math.Round(pixels / Multiple) * Multiple, int.MaxValue);
    }

    private static byte[] Pick(RgbImage image, int[] columns, int[] rows)
    {
        byte[] target = new byte[rows.Length * columns.Length * Channels];
        int at = 0;
        foreach (int y in rows)
        {
            ReadOnlySpan<byte> row = image.Pixels.Slice(y * image.Width * Channels, image.Width * Channels);
            foreach (int x in columns)
            {
                row.Slice(x * Channels, Channels).CopyTo(target.AsSpan(at));
                at += Channels;
            }
        }

        return target;
    }

    private static byte[] Blend(RgbImage image, AxisTaps columns, AxisTaps rows, int width, int height)
    {
        float[] source = FloatRows.Widen(image.Pixels);
        float[] weights = Array.ConvertAll(columns.Weights, weight => (float)weight);
        int row = image.Width * Channels;
        float[] blended = new float[row]; // one target row before its columns are resampled
        float[] line = new float[width * Channels];
        byte[] target = new byte[checked(width * height * Channels)];
        for (int y = 0; y < height; y++)
        {
            Array.Clear(blended);
            for (int k = y * rows.Count; k < (y + 1) * rows.Count; k++)
            {
                FloatRows.AddScaled(blended, source.AsSpan(rows.At[k] * row), (float)rows.Weights[k]);
            }

            BlendColumns(blended, columns, weights, line);
            FloatRows.Round(line, target.AsSpan(y * line.Length, line.Length));
        }

        return target;
    }

    private static void BlendColumns(ReadOnlySpan<float> blended, AxisTaps columns, float[] weights, Span<float> line)
    {
        for (int x = 0, k = 0; x < line.Length; x += Channels)
        {
            float red = 0f, green = 0f, blue = 0f;
            for (int end = k + columns.Count; k < end; k++)
            {
                float weight = weights[k];
                ReadOnlySpan<float> pixel = blended.Slice(columns.At[k] * Channels, Channels);
                red += weight * pixel[0];
                green += weight * pixel[1];
                blue += weight * pixel[2];
            }

            line[x] = red;
            line[x + 1] = green;
            line[x + 2] = blue;
        }
    }
}
