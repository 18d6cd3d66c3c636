using System;

namespace ControlNet.Native.Imaging;

/// <summary>
/// The five scanline filters, all modulo 256; outside the picture is 0. Source: W3C PNG, third edition, 9.2.
/// a is the byte one pixel to the left, b the one above, c the one above a.
/// </summary>
internal static class PngFilters
{
    /// <summary>Filter types are 0 (none), 1 (sub), 2 (up), 3 (average) and 4 (Paeth).</summary>
    public const int Count = 5;

    /// <summary>Turns filtered bytes into samples, in place.</summary>
    /// <param name="type">Below <see cref="Count"/>.</param>
    /// <param name="row">The scanline.</param>
    /// <param name="above">The scanline above, already undone, of the same length.</param>
    /// <param name="pixelBytes">Distance to a.</param>
    public static void Undo(int type, Span<byte> row, ReadOnlySpan<byte> above, int pixelBytes)
    {
        switch (type)
        {
            case 1:
                for (int i = pixelBytes; i < row.Length; i++)
                {
                    row[i] += row[i - pixelBytes];
                }

                break;
            case 2:
                for (int i = 0; i < row.Length; i++)
                {
                    row[i] += above[i];
                }

                break;
            case 3:
                for (int i = 0; i < row.Length; i++)
                {
                    int a = i < pixelBytes ? 0 : row[i - pixelBytes];
                    row[i] += (byte)((a + above[i]) / 2);
                }

                break;
            case 4:
                for (int i = 0; i < row.Length; i++)
                {
                    bool first = i < pixelBytes;
                    row[i] += Paeth(first ? 0 : row[i - pixelBytes], above[i], first ? 0 : above[i - pixelBytes]);
                }

                break;
            default:
                break;
        }
    }

    /// <summary>Turns samples into filtered bytes.</summary>
    /// <param name="type">Below <see cref="Count"/>.</param>
    /// <param name="row">The scanline.</param>
    /// <param name="above">The scanline above, unfiltered, of the same length.</param>
    /// <param name="pixelBytes">Distance to a.</param>
    /// <param name="filtered">Where to, of the same length; must not overlap the sources.</param>
    public static void Apply(
        int type, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, int pixelBytes, Span<byte> filtered)
    {
        for (int i = 0; i < row.Length; i++)
        {
            bool first = i < pixelBytes;
            int a = first ? 0 : row[i - pixelBytes], b = above[i], c = first ? 0 : above[i - pixelBytes];
            int predicted = type switch
            {
                1 => a,
                2 => b,
                3 => (a + b) / 2,
                4 => Paeth(a, b, c),
                _ => 0,
            };
            filtered[i] = (byte)(row[i] - predicted);
        }
    }

    /// <summary>Whichever of a, b, c is nearest to a + b - c; ties go to a, then b.</summary>
    private static byte Paeth(int a, int b, int c)
    {
        int toA = Math.Abs(b - c), toB = Math.Abs(a - c), toC = Math.Abs(a + b - c - c);
        return (byte)(toA <= toB && toA <= toC ? a : toB <= toC ? b : c);
    }
}
