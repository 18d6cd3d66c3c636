using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// A black picture that is drawn on by the rules of OpenCV 4.6 (<c>drawing.cpp</c>), to the bit. Places may lie outside
/// of it.
/// </summary>
internal sealed class PoseCanvas(int width, int height)
{
    /// <summary>Fraction bits of places between pixels.</summary>
    private const int Shift = 16;

    private const long One = 1L << Shift, Half = One >> 1;

    private readonly byte[] _rgb = new byte[checked(width * height * 3)];

    /// <summary>The picture; the canvas must not be drawn on after it.</summary>
    public RgbImage ToRgb() => RgbImage.Own(width, height, _rgb);

    /// <summary>A filled circle, as <c>cv2.circle</c> with thickness -1.</summary>
    public void Disc(int centerX, int centerY, int radius, (byte Red, byte Green, byte Blue) colour)
    {
        int error = 0, dx = radius, dy = 0, plus = 1, minus = (radius << 1) - 1;
        while (dx >= dy)
        {
            Row(centerY - dy, centerX - dx, centerX + dx, colour);
            Row(centerY + dy, centerX - dx, centerX + dx, colour);
            Row(centerY - dx, centerX - dy, centerX + dy, colour);
            Row(centerY + dx, centerX - dy, centerX + dy, colour);
            dy++;
            error += plus;
            plus += 2;
            if (error > 0)
            {
                error -= minus;
                dx--;
                minus -= 2;
            }
        }
    }

    /// <summary>A filled polygon with its outline, as <c>cv2.fillConvexPoly</c>.</summary>
    /// <param name="corners">Pixels, two or more.</param>
    /// <param name="colour">The colour.</param>
    public void FillConvex(ReadOnlySpan<(int X, int Y)> corners, (byte Red, byte Green, byte Blue) colour)
    {
        (long X, long Y)[] points = new (long X, long Y)[corners.Length];
        (int X, int Y) before = corners[^1];
        for (int i = 0; i < corners.Length; i++)
        {
            points[i] = corners[i];
            Line(before, corners[i], colour);
            before = corners[i];
        }

        FillInside(points, 0, colour);
    }

    /// <summary>The same polygon laid over what is there: <c>(1 - share) * old + share * colour</c>.</summary>
    public void BlendConvex(
        ReadOnlySpan<(int X, int Y)> corners, (byte Red, byte Green, byte Blue) colour, float share)
    {
        int first = height, last = -1;
        foreach ((int _, int y) in corners)
        {
            (first, last) = (Math.Min(first, y), Math.Max(last, y));
        }

        (first, last) = (Math.Max(first, 0), Math.Min(last, height - 1));
        if (first > last)
        {
            return;
        }

        Span<byte> rows = _rgb.AsSpan(first * width * 3, (last - first + 1) * width * 3);
        byte[] old = rows.ToArray();
        FillConvex(corners, colour);
        for (int i = 0; i < old.Length; i++)
        {
            if (old[i] != rows[i])
            {
                rows[i] = (byte)MathF.Round((old[i] * (1 - share)) + (rows[i] * share));
            }
        }
    }

    /// <summary>A line with round ends, as <c>cv2.line</c> with a thickness above 1.</summary>
    public void ThickLine(
        int fromX, int fromY, int toX, int toY, int thickness, (byte Red, byte Green, byte Blue) colour)
    {
        long x0 = fromX * One, y0 = fromY * One, x1 = toX * One, y1 = toY * One;
        double dx = fromX - toX, dy = toY - fromY, square = (dx * dx) + (dy * dy);
        int scaled = thickness << (Shift - 1);
        if (square > 0)
        {
            double factor = (scaled + ((thickness & 1) * One * 0.5)) / Math.Sqrt(square);
            long offX = (long)Math.Round(dy * factor), offY = (long)Math.Round(dx * factor);
            (long X, long Y)[] corners =
            [
                (x0 + offX, y0 + offY), (x0 - offX, y0 - offY), (x1 - offX, y1 - offY), (x1 + offX, y1 + offY),
            ];
            for (int i = 0; i < corners.Length; i++)
            {
                FineLine(corners[(i + 3) % 4], corners[i], colour);
            }

            FillInside(corners, Shift, colour);
        }

        int radius = (int)((scaled + Half) >> Shift);
        Disc(fromX, fromY, radius, colour);
        Disc(toX, toY, radius, colour);
    }

    /// <summary>A line of one pixel between pixels: Bresenham's, 8-connected, drawn from left to right.</summary>
    private void Line((int X, int Y) from, (int X, int Y) to, (byte Red, byte Green, byte Blue) colour)
    {
        (long X, long Y) a = from, b = to;
        if (!LineClip.Clip(width, height, ref a, ref b))
        {
            return;
        }

        (int x, int y, int dx, int dy) = ((int)a.X, (int)a.Y, (int)(b.X - a.X), (int)(b.Y - a.Y));
        if (dx < 0)
        {
            (x, y, dx, dy) = ((int)b.X, (int)b.Y, -dx, -dy);
        }

        int down = dy < 0 ? -1 : 1;
        dy = Math.Abs(dy);
        bool steep = dy > dx;
        (int longer, int shorter) = steep ? (dy, dx) : (dx, dy);
        int error = longer - (2 * shorter);
        for (int i = 0; i <= longer; i++)
        {
            Row(y, x, x, colour);
            bool both = error < 0;
            error += (both ? 2 * longer : 0) - (2 * shorter);
            x += steep && !both ? 0 : 1;
            y += steep || both ? down : 0;
        }
    }

    /// <summary>A line of one pixel between places of <see cref="Shift"/> fraction bits.</summary>
    private void FineLine((long X, long Y) from, (long X, long Y) to, (byte Red, byte Green, byte Blue) colour)
    {
        if (!LineClip.Clip(width * One, height * One, ref from, ref to))
        {
            return;
        }

        long dx = to.X - from.X, dy = to.Y - from.Y;
        bool flat = Math.Abs(dx) > Math.Abs(dy);
        if ((flat ? dx : dy) < 0)
        {
            (from, to, dx, dy) = (to, from, -dx, -dy);
        }

        Point((to.X + Half) >> Shift, (to.Y + Half) >> Shift, colour);
        long count = (flat ? dx : dy) >> Shift;
        long x = from.X + Half, y = from.Y + Half;
        long stepX = flat ? One : dx * One / (dy | 1), stepY = flat ? dy * One / (dx | 1) : One;
        for (; count >= 0; count--)
        {
            Point(x >> Shift, y >> Shift, colour);
            x += stepX;
            y += stepY;
        }
    }

    /// <summary>
    /// What lies between the left and right chain of a polygon, row by row. The chains are followed in fixed point.
    /// </summary>
    private void FillInside(
        ReadOnlySpan<(long X, long Y)> corners, int shift, (byte Red, byte Green, byte Blue) colour)
    {
        long delta = 1L << shift >> 1, top = long.MaxValue, bottom = long.MinValue;
        int start = 0;
        for (int i = 0; i < corners.Length; i++)
        {
            if (corners[i].Y < top)
            {
                (top, start) = (corners[i].Y, i);
            }

            bottom = Math.Max(bottom, corners[i].Y);
        }

        int y = (int)((top + delta) >> shift), last = (int)Math.Min((bottom + delta) >> shift, height - 1);
        if (corners.Length < 3 || last < 0 || y >= height)
        {
            return;
        }

        int edgesLeft = corners.Length;
        PolygonChain one = new(start, 1, y), other = new(start, corners.Length - 1, y);
        for (; y <= last; y++)
        {
            one.Follow(corners, y, shift, Shift, ref edgesLeft);
            other.Follow(corners, y, shift, Shift, ref edgesLeft);
            long left = Math.Min(one.X, other.X), right = Math.Max(one.X, other.X);
            Row(y, (int)((left + Half) >> Shift), (int)((right + Half) >> Shift), colour);
            one.Step();
            other.Step();
        }
    }

    private void Point(long x, long y, (byte Red, byte Green, byte Blue) colour)
    {
        if (x >= 0 && x < width)
        {
            Row((int)y, (int)x, (int)x, colour);
        }
    }

    /// <summary>Colours a run of pixels, cut to the picture.</summary>
    private void Row(int y, int first, int last, (byte Red, byte Green, byte Blue) colour)
    {
        if ((uint)y >= (uint)height)
        {
            return;
        }

        last = Math.Min(last, width - 1);
        for (int x = Math.Max(first, 0); x <= last; x++)
        {
            Span<byte> pixel = _rgb.AsSpan(((y * width) + x) * 3, 3);
            (pixel[0], pixel[1], pixel[2]) = colour;
        }
    }
}
