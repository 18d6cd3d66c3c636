using System;
using ControlNet.Native.Imaging;
using ControlNet.Native.Training;

namespace ControlNet.Datasets;

/// <summary>
/// A square picture to paint on, with anti-aliased outlines: what a figure covers of a pixel is counted on a grid of
/// 4 x 4 points. Blending is integer arithmetic, so a drawing has the same bytes on every machine.
/// </summary>
public sealed class Canvas
{
    private const int Channels = 3;
    private const int Points = 4; // along each axis of a pixel
    private const int FullCover = Points * Points;

    /// <summary>Half the diagonal of a pixel: farther from the outline it is all inside or all outside.</summary>
    private const double HalfDiagonal = 0.7072;

    private readonly byte[] _rgb; // [Size, Size, 3]

    /// <summary>Creates a canvas of one colour.</summary>
    /// <param name="size">Pixels of an edge, from 1 to 8192.</param>
    /// <param name="background">What it shows at first.</param>
    public Canvas(int size, NamedColour background)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)size * size, RgbImage.MaxPixels, nameof(size));
        Size = size;
        _rgb = new byte[size * size * Channels];
        for (int at = 0; at < _rgb.Length; at += Channels)
        {
            (_rgb[at], _rgb[at + 1], _rgb[at + 2]) = (background.Red, background.Green, background.Blue);
        }
    }

    /// <summary>Pixels of an edge.</summary>
    public int Size { get; }

    /// <summary>Paints a figure over what is there, in one colour.</summary>
    public void Fill(Figure figure, NamedColour colour) => Fill(figure, (_, _) => colour);

    /// <summary>Paints a figure whose colour differs from point to point.</summary>
    /// <param name="figure">What to paint.</param>
    /// <param name="colour">The colour at the centre of a pixel; x and y in image edges.</param>
    public void Fill(Figure figure, Func<double, double, NamedColour> colour)
    {
        for (int y = 0; y < Size; y++)
        {
            for (int x = 0, run; x < Size; x += run)
            {
                int cover = Cover(figure, x, y, out run);
                run = Math.Min(run, Size - x);
                for (int i = x; i < x + run && cover > 0; i++)
                {
                    Blend(_rgb.AsSpan((y * Size + i) * Channels, Channels), colour(Centre(i), Centre(y)), cover);
                }
            }
        }
    }

    /// <summary>
    /// Paints every pixel whose centre lies inside, wholly: for labels, of which there are no mixtures.
    /// </summary>
    public void FillHard(Figure figure, NamedColour colour)
    {
        for (int y = 0; y < Size; y++)
        {
            for (int x = 0; x < Size; x++)
            {
                if (figure.Distance(Centre(x), Centre(y)) < 0)
                {
                    Blend(_rgb.AsSpan((y * Size + x) * Channels, Channels), colour, FullCover);
                }
            }
        }
    }

    /// <summary>The picture as it is now; later painting does not change it.</summary>
    public RgbImage ToImage() => new(Size, Size, _rgb);

    private double Centre(int pixel) => (pixel + 0.5) / Size;

    /// <summary>Points of the pixel's grid inside the figure, 0 to 16.</summary>
    /// <param name="figure">What covers.</param>
    /// <param name="x">Column.</param>
    /// <param name="y">Row.</param>
    /// <param name="run">
    /// Pixels from this one to the right of which the same is known: no outline comes nearer than the distance says.
    /// </param>
    private int Cover(Figure figure, int x, int y, out int run)
    {
        double distance = figure.Distance(Centre(x), Centre(y));
        double clear = Math.Abs(distance) * Size / figure.Steepness - HalfDiagonal;
        run = 1;
        if (clear >= 0)
        {
            run += (int)Math.Min(clear, Size);
            return distance < 0 ? FullCover : 0;
        }

        int cover = 0;
        for (int point = 0; point < FullCover; point++)
        {
            double px = x + (point % Points + 0.5) / Points, py = y + (point / Points + 0.5) / Points;
            cover += figure.Distance(px / Size, py / Size) < 0 ? 1 : 0;
        }

        return cover;
    }

    private static void Blend(Span<byte> pixel, NamedColour colour, int cover)
    {
        pixel[0] = Blend(pixel[0], colour.Red, cover);
        pixel[1] = Blend(pixel[1], colour.Green, cover);
        pixel[2] = Blend(pixel[2], colour.Blue, cover);
    }

    private static byte Blend(byte below, byte above, int cover) =>
        (byte)((below * (FullCover - cover) + above * cover + FullCover / 2) / FullCover);
}
