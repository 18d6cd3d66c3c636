using System;
using System.Collections.Generic;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Tests.Preprocessing;

/// <summary>
/// Canny as a definition, pixel by pixel and without regard to speed: gradients from nine clamped pixels, whole arrays
/// of magnitudes, growth until nothing changes.
/// </summary>
internal static class PlainCanny
{
    /// <summary>White where there is an edge, <c>[height, width]</c>.</summary>
    public static bool[,] Edges(RgbImage image, double low, double high, bool squared)
    {
        if (low > high)
        {
            (low, high) = (high, low);
        }

        (low, high) = squared ? (Math.Floor(low * low), Math.Floor(high * high)) : (Math.Floor(low), Math.Floor(high));
        int height = image.Height, width = image.Width;
        (int X, int Y, int Size)[,] gradients = new (int, int, int)[height, width];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                gradients[y, x] = Largest(image, x, y, squared);
            }
        }

        bool[,] weak = new bool[height, width], edges = new bool[height, width];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                weak[y, x] = gradients[y, x].Size > low && IsRidge(gradients, x, y);
                edges[y, x] = weak[y, x] && gradients[y, x].Size > high;
            }
        }

        while (Grow(weak, edges))
        {
        }

        return edges;
    }

    private static (int X, int Y, int Size) Largest(RgbImage image, int x, int y, bool squared)
    {
        List<(int X, int Y, int Size)> channels = [];
        for (int c = 0; c < 3; c++)
        {
            int dx = 0, dy = 0;
            for (int k = -1; k <= 1; k++)
            {
                int weight = k == 0 ? 2 : 1;
                dx += weight * (At(x + 1, y + k, c) - At(x - 1, y + k, c));
                dy += weight * (At(x + k, y + 1, c) - At(x + k, y - 1, c));
            }

            channels.Add((dx, dy, squared ? (dx * dx) + (dy * dy) : Math.Abs(dx) + Math.Abs(dy)));
        }

        (int X, int Y, int Size) largest = channels[0];
        foreach ((int X, int Y, int Size) channel in channels)
        {
            largest = channel.Size > largest.Size ? channel : largest;
        }

        return largest;

        int At(int column, int row, int channel) => image.Pixels[
            (3 * ((Math.Clamp(row, 0, image.Height - 1) * image.Width) + Math.Clamp(column, 0, image.Width - 1)))
            + channel];
    }

    private static bool IsRidge((int X, int Y, int Size)[,] gradients, int x, int y)
    {
        (int dx, int dy, int size) = gradients[y, x];
        double level = Math.Abs(dx) * (13573 / 32768.0), steep = Math.Abs(dx) * ((13573 / 32768.0) + 2);
        if (Math.Abs(dy) < level)
        {
            return size > Size(x - 1, y) && size >= Size(x + 1, y);
        }

        if (Math.Abs(dy) > steep)
        {
            return size > Size(x, y - 1) && size >= Size(x, y + 1);
        }

        // OpenCV takes the exclusive or of the signs: 0 counts as positive.
        int side = dx < 0 != dy < 0 ? -1 : 1;
        return size > Size(x - side, y - 1) && size > Size(x + side, y + 1);

        int Size(int column, int row) =>
            column < 0 || row < 0 || column >= gradients.GetLength(1) || row >= gradients.GetLength(0)
                ? 0
                : gradients[row, column].Size;
    }

    private static bool Grow(bool[,] weak, bool[,] edges)
    {
        bool grown = false;
        int height = weak.GetLength(0), width = weak.GetLength(1);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                if (!weak[y, x] || edges[y, x])
                {
                    continue;
                }

                for (int at = 0; at < 9; at++)
                {
                    int row = y + (at / 3) - 1, column = x + (at % 3) - 1;
                    edges[y, x] |= row >= 0 && column >= 0 && row < height && column < width && edges[row, column];
                }

                grown |= edges[y, x];
            }
        }

        return grown;
    }
}
