using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Blurs by a Gaussian, within 1 of <c>cv2.GaussianBlur</c>; beyond the edges the picture is mirrored. As a hint for
/// nets that sharpen (tile, blur).
/// </summary>
public static class GaussianBlur
{
    /// <summary>Blurs a picture.</summary>
    /// <param name="image">Of any size.</param>
    /// <param name="options">How far; null for the defaults.</param>
    /// <exception cref="PreprocessingException">An option is out of its range.</exception>
    public static RgbImage Apply(RgbImage image, GaussianBlurOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        options ??= new GaussianBlurOptions();
        options.Check();
        int size = options.KernelSize > 0 ? options.KernelSize : GaussianKernel.SizeForBytes(options.Sigma);
        float[] kernel = GaussianKernel.Of(size, options.Sigma);
        float[] blurred = Blur(FloatRows.Widen(image.Pixels), image.Width, image.Height, 3, kernel);
        byte[] rgb = new byte[blurred.Length];
        FloatRows.Round(blurred, rgb);
        return RgbImage.Own(image.Width, image.Height, rgb);
    }

    /// <summary>Blurs bytes that stay floats, as OpenCV does with pictures of floats.</summary>
    /// <param name="pixels"><c>[height, width, channels]</c>.</param>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="sigma">Standard deviation in pixels, above 0.</param>
    internal static float[] Floats(ReadOnlySpan<byte> pixels, int width, int height, int channels, double sigma) =>
        Blur(
            FloatRows.Widen(pixels), width, height, channels,
            GaussianKernel.Of(GaussianKernel.SizeForFloats(sigma), sigma));

    /// <summary>Along x, then along y, in float32.</summary>
    private static float[] Blur(float[] values, int width, int height, int channels, float[] kernel)
    {
        int radius = kernel.Length / 2, row = width * channels;
        float[] padded = new float[checked((width + (2 * radius)) * channels)], across = new float[values.Length];
        for (int y = 0; y < height; y++)
        {
            Pad(values.AsSpan(y * row, row), width, channels, radius, padded);
            Span<float> target = across.AsSpan(y * row, row);
            for (int k = 0; k < kernel.Length; k++)
            {
                FloatRows.AddScaled(target, padded.AsSpan(k * channels), kernel[k]);
            }
        }

        float[] result = values; // every row has been read
        for (int y = 0; y < height; y++)
        {
            Span<float> target = result.AsSpan(y * row, row);
            target.Clear();
            FloatRows.AddScaled(target, across.AsSpan(y * row), kernel[radius]);
            for (int k = 1; k <= radius; k++)
            {
                int above = Border.Reflect101(y - k, height), below = Border.Reflect101(y + k, height);
                FloatRows.AddScaled(
                    target, across.AsSpan(above * row), across.AsSpan(below * row), kernel[radius + k]);
            }
        }

        return result;
    }

    private static void Pad(ReadOnlySpan<float> row, int width, int channels, int radius, Span<float> padded)
    {
        row.CopyTo(padded[(radius * channels)..]);
        for (int i = 1; i <= radius; i++)
        {
            row.Slice(Border.Reflect101(-i, width) * channels, channels).CopyTo(padded[((radius - i) * channels)..]);
            row.Slice(Border.Reflect101(width - 1 + i, width) * channels, channels)
                .CopyTo(padded[((radius + width - 1 + i) * channels)..]);
        }
    }
}
