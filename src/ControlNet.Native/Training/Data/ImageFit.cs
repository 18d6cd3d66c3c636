using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Training;

/// <summary>How a picture is brought to a size of other proportions.</summary>
public enum ImageFit
{
    /// <summary>
    /// Scaled, in proportion, until it covers the size; what stands out is cut off equally on both sides. The cut is
    /// made first, in whole pixels of the picture.
    /// </summary>
    Crop,

    /// <summary>Width and height are scaled each by itself: nothing is cut off, proportions change.</summary>
    Stretch,
}

/// <summary>Fits pictures.</summary>
internal static class ImageFitting
{
    /// <summary>The picture in the size asked for, resampled as <see cref="RgbImage.Resize"/> does.</summary>
    public static RgbImage Apply(RgbImage image, int width, int height, ImageFit fit) =>
        (fit == ImageFit.Crop ? Cover(image, width, height) : image).Resize(width, height);

    /// <summary>The largest part from the middle that has the proportions width : height.</summary>
    private static RgbImage Cover(RgbImage image, int width, int height)
    {
        double scale = Math.Min((double)image.Width / width, (double)image.Height / height);
        int columns = Math.Clamp((int)Math.Round(width * scale), 1, image.Width);
        int rows = Math.Clamp((int)Math.Round(height * scale), 1, image.Height);
        if ((columns, rows) == (image.Width, image.Height))
        {
            return image;
        }

        int left = (image.Width - columns) / 2, top = (image.Height - rows) / 2;
        byte[] part = new byte[columns * rows * 3];
        for (int row = 0; row < rows; row++)
        {
            image.Pixels.Slice(((top + row) * image.Width + left) * 3, columns * 3)
                .CopyTo(part.AsSpan(row * columns * 3));
        }

        return RgbImage.Own(columns, rows, part);
    }
}
