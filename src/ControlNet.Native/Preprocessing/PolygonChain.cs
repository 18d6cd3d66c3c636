using System;

namespace ControlNet.Native.Preprocessing;

/// <summary>One side of a convex polygon, followed from its top; the rules of OpenCV's <c>FillConvexPoly</c>.</summary>
/// <param name="start">The topmost corner.</param>
/// <param name="direction">What leads from a corner to the next one, 1 or the number of corners less 1.</param>
/// <param name="top">The first row.</param>
internal struct PolygonChain(int start, int direction, int top)
{
    private int _corner = start, _end = top;

    private long _slope;

    /// <summary>Where the side is in the current row, in fixed point.</summary>
    public long X { get; private set; } = -(1L << 16);

    /// <summary>Goes on to the next edge where the current one has ended.</summary>
    /// <param name="corners">The polygon.</param>
    /// <param name="y">The row.</param>
    /// <param name="shift">Fraction bits of the corners.</param>
    /// <param name="fraction">Fraction bits of <see cref="X"/>.</param>
    /// <param name="edgesLeft">Edges that neither side has used.</param>
    public void Follow(
        ReadOnlySpan<(long X, long Y)> corners, int y, int shift, int fraction, ref int edgesLeft)
    {
        if (y < _end)
        {
            return;
        }

        long delta = 1L << shift >> 1;
        int from = _corner, to = (from + direction) % corners.Length;
        for (; edgesLeft-- > 0; (from, to) = (to, (to + direction) % corners.Length))
        {
            int end = (int)((corners[to].Y + delta) >> shift);
            if (end > y)
            {
                long begin = corners[from].X << (fraction - shift), finish = corners[to].X << (fraction - shift);
                (_end, _corner, X) = (end, to, begin);
                _slope = (((finish - begin) * 2) + (end - y)) / (2L * (end - y));
                return;
            }
        }
    }

    /// <summary>Goes down a row.</summary>
    public void Step() => X += _slope;
}
