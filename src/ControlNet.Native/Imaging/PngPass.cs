namespace ControlNet.Native.Imaging;

/// <summary>
/// A sub-picture that is stored on its own: every <c>StepX</c>-th pixel of every <c>StepY</c>-th row from the start. A
/// picture that is not interlaced is one pass of step 1. Source: W3C PNG, third edition, 8.1.
/// </summary>
/// <param name="StartX">Column of its first pixel.</param>
/// <param name="StartY">Row of its first pixel.</param>
/// <param name="StepX">Columns between its pixels.</param>
/// <param name="StepY">Rows between its rows.</param>
/// <param name="Width">Its pixels in a row; a pass without any has no scanlines.</param>
/// <param name="Height">Its rows.</param>
internal readonly record struct PngPass(int StartX, int StartY, int StepX, int StepY, int Width, int Height)
{
    private static readonly (int StartX, int StartY, int StepX, int StepY)[] s_adam7 =
    [
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ];

    /// <summary>The passes in file order, without the empty ones.</summary>
    public static PngPass[] Of(PngHeader header)
    {
        if (!header.Interlaced)
        {
            return [new PngPass(0, 0, 1, 1, header.Width, header.Height)];
        }

        PngPass[] passes = new PngPass[s_adam7.Length];
        int count = 0;
        foreach ((int startX, int startY, int stepX, int stepY) in s_adam7)
        {
            int width = Samples(header.Width, startX, stepX), height = Samples(header.Height, startY, stepY);
            if (width > 0 && height > 0)
            {
                passes[count++] = new PngPass(startX, startY, stepX, stepY, width, height);
            }
        }

        return passes[..count];
    }

    private static int Samples(int length, int start, int step) =>
        length <= start ? 0 : (length - start - 1) / step + 1;
}
