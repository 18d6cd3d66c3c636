using System;

namespace ControlNet.Native.Imaging;

/// <summary>
/// The inflated data: pass by pass, row by row, each row one filter byte and then its samples, packed from the high
/// bits.
/// </summary>
internal static class PngScanlines
{
    /// <summary>Undoes the filters of all rows in place; the filter bytes stay.</summary>
    /// <exception cref="ImageFormatException">A row names a filter that does not exist.</exception>
    public static void Unfilter(byte[] scanlines, PngHeader header, PngPass[] passes, string name)
    {
        int at = 0;
        foreach (PngPass pass in passes)
        {
            int rowBytes = header.RowBytes(pass.Width);
            ReadOnlySpan<byte> above = new byte[rowBytes]; // the row above the first one is 0
            for (int y = 0; y < pass.Height; y++)
            {
                int filter = scanlines[at];
                if (filter >= PngFilters.Count)
                {
                    throw new ImageFormatException(
                        name,
                        $"row {y} uses filter {filter}, PNG defines 0 to {PngFilters.Count - 1}; the file is " +
                        "damaged, copy it again");
                }

                Span<byte> row = scanlines.AsSpan(at + 1, rowBytes);
                PngFilters.Undo(filter, row, above, header.FilterBytes);
                above = row;
                at += 1 + rowBytes;
            }
        }
    }

    /// <summary>Proves that every pixel of an indexed picture is in the palette.</summary>
    /// <exception cref="ImageFormatException">One is not.</exception>
    public static void CheckIndices(byte[] scanlines, PngHeader header, PngPass[] passes, int count, string name)
    {
        int at = 0;
        foreach (PngPass pass in passes)
        {
            int rowBytes = header.RowBytes(pass.Width);
            for (int y = 0; y < pass.Height; y++)
            {
                ReadOnlySpan<byte> row = scanlines.AsSpan(at + 1, rowBytes);
                for (int x = 0; x < pass.Width; x++)
                {
                    int index = Sample(row, x, header.BitDepth);
                    if (index >= count)
                    {
                        throw new ImageFormatException(
                            name,
                            $"a pixel has colour {index} of a palette of {count}; the file is damaged, save it " +
                            "again");
                    }
                }

                at += 1 + rowBytes;
            }
        }
    }

    /// <summary>One sample at the depth of the file.</summary>
    public static int Sample(ReadOnlySpan<byte> row, int index, int depth)
    {
        switch (depth)
        {
            case 8:
                return row[index];
            case 16:
                return (row[2 * index] << 8) | row[2 * index + 1];
            default:
                int bit = index * depth; // at most 4 * MaxPixels
                return (row[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
        }
    }
}
