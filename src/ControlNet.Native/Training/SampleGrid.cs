using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>Rows of pictures of one size as one picture, for example <c>hint | target | samples</c> a row.</summary>
public static class SampleGrid
{
    private const byte Grey = 128;

    /// <summary>Puts pictures side by side and rows below each other, grey lines between them.</summary>
    /// <param name="rows">Rows of equally many pictures, all of one size; at least one.</param>
    /// <param name="separator">Width of the lines in pixels, from 0.</param>
    /// <exception cref="ShapeException">Pictures or rows do not fit together, or there is none.</exception>
    public static RgbImage Compose(IReadOnlyList<IReadOnlyList<RgbImage>> rows, int separator = 2)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(separator);
        int columns = rows.Count == 0 ? 0 : rows[0].Count;
        if (columns == 0)
        {
            throw new ShapeException("SampleGrid: there is no picture; pass at least one row of one");
        }

        RgbImage first = rows[0][0];
        Check(rows, first, columns);
        long width = columns * ((long)first.Width + separator) - separator;
        long height = rows.Count * ((long)first.Height + separator) - separator;
        if (width * height > RgbImage.MaxPixels)
        {
            throw new ShapeException(
                $"SampleGrid: {rows.Count} rows of {columns} pictures of {first} make {width} x {height} pixels, " +
                $"more than {RgbImage.MaxPixels}; show fewer");
        }

        byte[] pixels = new byte[3 * width * height];
        Array.Fill(pixels, Grey);
        for (int row = 0; row < rows.Count; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                long top = row * (first.Height + separator), left = column * (first.Width + separator);
                for (int y = 0; y < first.Height; y++)
                {
                    rows[row][column].Pixels.Slice(3 * first.Width * y, 3 * first.Width)
                        .CopyTo(pixels.AsSpan((int)(3 * ((top + y) * width + left))));
                }
            }
        }

        return RgbImage.Own((int)width, (int)height, pixels);
    }

    private static void Check(IReadOnlyList<IReadOnlyList<RgbImage>> rows, RgbImage first, int columns)
    {
        for (int row = 0; row < rows.Count; row++)
        {
            if (rows[row].Count != columns)
            {
                throw new ShapeException(
                    $"SampleGrid: row {row} has {rows[row].Count} pictures, row 0 has {columns}; give each the same");
            }

            if (rows[row].FirstOrDefault(image => (image.Width, image.Height) != (first.Width, first.Height))
                is RgbImage odd)
            {
                throw new ShapeException(
                    $"SampleGrid: a picture of row {row} is {odd}, the first is {first}; resize it");
            }
        }
    }
}
