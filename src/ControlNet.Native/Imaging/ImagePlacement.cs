using System;

namespace ControlNet.Native.Imaging;

/// <summary>
/// Where a picture lands in a frame of another size: it is resampled to <c>Width</c> x <c>Height</c> and its upper
/// left corner put at (<c>Left</c>, <c>Top</c>) of the frame, outside of it where it is cropped.
/// </summary>
/// <param name="Width">Width of the resampled picture, in pixels of the frame.</param>
/// <param name="Height">Its height.</param>
/// <param name="Left">Column of the frame its first column falls on; 0 or less where it is cropped.</param>
/// <param name="Top">Row of the frame its first row falls on.</param>
/// <remarks>
/// Source: <c>detectmap_proc</c> of the A1111 ControlNet extension, for sizes, rounding and centring.
/// </remarks>
internal readonly record struct ImagePlacement(int Width, int Height, int Left, int Top)
{
    /// <summary>Both axes on their own, as large as the frame.</summary>
    public static ImagePlacement Stretch(int width, int height) => new(width, height, 0, 0);

    /// <summary>As large as needed to cover the frame in the picture's own proportions, centred.</summary>
    public static ImagePlacement Cover(int sourceWidth, int sourceHeight, int width, int height) =>
        Scaled(sourceWidth, sourceHeight, width, height, Math.Max);

    /// <summary>As large as fits into the frame in the picture's own proportions, centred.</summary>
    public static ImagePlacement Contain(int sourceWidth, int sourceHeight, int width, int height) =>
        Scaled(sourceWidth, sourceHeight, width, height, Math.Min);

    private static ImagePlacement Scaled(
        int sourceWidth, int sourceHeight, int width, int height, Func<double, double, double> choose)
    {
        double scale = choose((double)width / sourceWidth, (double)height / sourceHeight);
        int scaledWidth = Math.Max(1, checked((int)Math.Round(sourceWidth * scale)));
        int scaledHeight = Math.Max(1, checked((int)Math.Round(sourceHeight * scale)));

        // Division cuts towards 0, so what does not halve goes to the right and the bottom, cropped or filled.
        return new ImagePlacement(
            scaledWidth, scaledHeight, (width - scaledWidth) / 2, (height - scaledHeight) / 2);
    }
}
