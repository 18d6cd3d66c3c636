using System;
using System.Collections.Generic;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Edges by Canny, 1986, doi:10.1109/TPAMI.1986.4767851: white lines of one pixel on black. Equal to the bit to
/// <c>cv2.Canny</c> with its aperture of 3, which ControlNets for edges were trained on.
/// </summary>
/// <remarks>
/// A picture in colour is not made grey first: each pixel counts by the channel that changes most there, as in OpenCV.
/// </remarks>
public static class Canny
{
    private const byte None = 0, Weak = 1, Edge = 2;

    /// <summary>tan(22.5 degrees) in units of 2^-15, as OpenCV rounds it.</summary>
    private const int Tangent = 13573;

    /// <summary>Finds the edges of a picture.</summary>
    /// <param name="image">Of any size.</param>
    /// <param name="options">Thresholds; null for the defaults.</param>
    /// <exception cref="PreprocessingException">A threshold is out of its range.</exception>
    public static RgbImage Apply(RgbImage image, CannyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        options ??= new CannyOptions();
        options.Check();
        byte[] edges = options.Grey
            ? Edges(Grey.Plane(image), image.Width, image.Height, 1, options)
            : Edges(image.Pixels, image.Width, image.Height, 3, options);
        return GreyPlane.ToRgb(edges, image.Width, image.Height);
    }

    private static byte[] Edges(
        ReadOnlySpan<byte> pixels, int width, int height, int channels, CannyOptions options)
    {
        (int low, int high) = options.Thresholds();
        CannyRows rows = new(width, height, channels, options.L2);
        short[] across = new short[width], down = new short[width];
        short[] nextAcross = new short[width], nextDown = new short[width];

        // Outside of the picture magnitudes are 0: one element on either side, and the rows above and below.
        int[] above = new int[width + 2], centre = new int[width + 2], below = new int[width + 2];
        byte[] map = new byte[checked((width + 2) * (height + 2))];
        Stack<int> seeds = new();
        rows.Compute(pixels, 0, across, down, centre);
        for (int y = 0; y < height; y++)
        {
            if (y + 1 < height)
            {
                rows.Compute(pixels, y + 1, nextAcross, nextDown, below);
            }
            else
            {
                Array.Clear(below);
            }

            int start = ((y + 1) * (width + 2)) + 1;
            Suppress(across, down, above, centre, below, low, high, map, start, seeds);
            (above, centre, below) = (centre, below, above);
            (across, nextAcross) = (nextAcross, across);
            (down, nextDown) = (nextDown, down);
        }

        Grow(map, width + 2, seeds);
        return Picture(map, width, height);
    }

    /// <summary>
    /// Marks the ridges of one row: magnitudes above those on both sides of the edge, in one of four directions.
    /// </summary>
    private static void Suppress(
        ReadOnlySpan<short> across, ReadOnlySpan<short> down, ReadOnlySpan<int> above, ReadOnlySpan<int> centre,
        ReadOnlySpan<int> below, int low, int high, byte[] map, int start, Stack<int> seeds)
    {
        for (int x = 0; x < across.Length; x++)
        {
            int magnitude = centre[x + 1];
            if (magnitude <= low)
            {
                continue;
            }

            int dx = across[x], dy = down[x];
            int level = Math.Abs(dx) * Tangent, steep = Math.Abs(dy) << 15;
            bool ridge;
            if (steep < level)
            {
                ridge = magnitude > centre[x] && magnitude >= centre[x + 2];
            }
            else if (steep > level + (Math.Abs(dx) << 16)) // tan(67.5 degrees) = tan(22.5 degrees) + 2
            {
                ridge = magnitude > above[x + 1] && magnitude >= below[x + 1];
            }
            else
            {
                int side = (dx ^ dy) < 0 ? -1 : 1;
                ridge = magnitude > above[x + 1 - side] && magnitude > below[x + 1 + side];
            }

            if (!ridge)
            {
                continue;
            }

            if (magnitude > high)
            {
                map[start + x] = Edge;
                seeds.Push(start + x);
            }
            else
            {
                map[start + x] = Weak;
            }
        }
    }

    /// <summary>Every weak pixel that touches an edge, by side or corner, becomes one.</summary>
    private static void Grow(byte[] map, int stride, Stack<int> seeds)
    {
        ReadOnlySpan<int> around = [-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1];
        while (seeds.TryPop(out int at))
        {
            foreach (int step in around)
            {
                if (map[at + step] == Weak)
                {
                    map[at + step] = Edge;
                    seeds.Push(at + step);
                }
            }
        }
    }

    private static byte[] Picture(byte[] map, int width, int height)
    {
        byte[] edges = new byte[width * height];
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> row = map.AsSpan(((y + 1) * (width + 2)) + 1, width);
            Span<byte> target = edges.AsSpan(y * width, width);
            for (int x = 0; x < row.Length; x++)
            {
                target[x] = row[x] == Edge ? byte.MaxValue : None;
            }
        }

        return edges;
    }
}
