using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Brings the shorter edge to a resolution and keeps the proportions: the right and lower edge are repeated up to a
/// multiple of 64. Source: <c>resize_image_with_pad</c> of sd-webui-controlnet.
/// </summary>
public static class ResizeWithPad
{
    private const int Multiple = 64;

    /// <summary>Resizes a picture, cubic where it grows, else area.</summary>
    /// <param name="image">Of any size.</param>
    /// <param name="resolution">Pixels of the shorter edge, 1 to <see cref="ImageResize.MaxResolution"/>.</param>
    /// <exception cref="PreprocessingException">The resolution is out of its range, or the picture so long that the
    /// result exceeds <see cref="RgbImage.MaxPixels"/>.</exception>
    public static PaddedImage Apply(RgbImage image, int resolution)
    {
        ArgumentNullException.ThrowIfNull(image);
        OptionRange.Check($"{nameof(ResizeWithPad)}.resolution", resolution, 1, ImageResize.MaxResolution);
        double scale = (double)resolution / Math.Min(image.Width, image.Height);
        int width = (int)Math.Min(Math.Round(image.Width * scale), RgbImage.MaxPixels);
        int height = (int)Math.Min(Math.Round(image.Height * scale), RgbImage.MaxPixels);
        int paddedWidth = Padded(width), paddedHeight = Padded(height);
        if ((long)paddedWidth * paddedHeight > RgbImage.MaxPixels)
        {
            throw new PreprocessingException(
                $"ResizeWithPad: {image} at resolution {resolution} becomes {paddedWidth} x {paddedHeight} pixels, " +
                $"more than {RgbImage.MaxPixels}; choose a smaller resolution");
        }

        RgbImage content = ImageResize.Apply(
            image, width, height, scale > 1 ? Interpolation.Cubic : Interpolation.Area);
        byte[] rgb = new byte[paddedWidth * paddedHeight * 3];
        for (int y = 0; y < paddedHeight; y++)
        {
            Span<byte> target = rgb.AsSpan(y * paddedWidth * 3, paddedWidth * 3);
            content.Pixels.Slice(Math.Min(y, height - 1) * width * 3, width * 3).CopyTo(target);
            for (int x = width; x < paddedWidth; x++)
            {
                target.Slice((width - 1) * 3, 3).CopyTo(target[(x * 3)..]);
            }
        }

        return new PaddedImage(RgbImage.Own(paddedWidth, paddedHeight, rgb), width, height);
    }

    private static int Padded(int pixels) => (pixels + Multiple - 1) / Multiple * Multiple;
}
