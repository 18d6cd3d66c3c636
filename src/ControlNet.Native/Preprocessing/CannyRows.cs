using System;
using System.Numerics;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Sobel gradients row by row, 3 x 3, edges repeated; of several channels the one with the largest magnitude counts,
/// the first of equals. Holds the buffers of one picture.
/// </summary>
internal sealed class CannyRows
{
    private readonly int _width, _height, _channels;
    private readonly bool _squared;
    private readonly short[] _smooth, _change;    // [(width + 2) * channels]: a + 2 b + c and c - a of three rows
    private readonly short[] _across, _down, _sum; // [width * channels]: gradients and |across| + |down|

    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="squared">Magnitudes are squared lengths rather than sums.</param>
    public CannyRows(int width, int height, int channels, bool squared)
    {
        (_width, _height, _channels, _squared) = (width, height, channels, squared);
        int padded = checked((width + 2) * channels), row = width * channels;
        (_smooth, _change) = (new short[padded], new short[padded]);
        (_across, _down, _sum) = (new short[row], new short[row], new short[row]);
    }

    /// <summary>Computes one row.</summary>
    /// <param name="pixels"><c>[height, width, channels]</c>.</param>
    /// <param name="y">The row.</param>
    /// <param name="across">Receives the gradient along x, <c>[width]</c>.</param>
    /// <param name="down">Receives the gradient along y, <c>[width]</c>.</param>
    /// <param name="magnitudes">Receives the magnitudes from index 1, <c>[width + 2]</c>.</param>
    public void Compute(
        ReadOnlySpan<byte> pixels, int y, Span<short> across, Span<short> down, Span<int> magnitudes)
    {
        int row = _width * _channels;
        Columns(
            pixels.Slice(Math.Max(y - 1, 0) * row, row), pixels.Slice(y * row, row),
            pixels.Slice(Math.Min(y + 1, _height - 1) * row, row));
        Gradients();
        Select(across, down, magnitudes.Slice(1, _width));
    }

    private void Columns(ReadOnlySpan<byte> above, ReadOnlySpan<byte> centre, ReadOnlySpan<byte> below)
    {
        Span<short> smooth = _smooth.AsSpan(_channels), change = _change.AsSpan(_channels);
        int i = 0, half = Vector<short>.Count;
        for (; i <= centre.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            (Vector<short> a0, Vector<short> a1) = Widen(above[i..]);
            (Vector<short> b0, Vector<short> b1) = Widen(centre[i..]);
            (Vector<short> c0, Vector<short> c1) = Widen(below[i..]);
            (a0 + b0 + b0 + c0).CopyTo(smooth[i..]);
            (a1 + b1 + b1 + c1).CopyTo(smooth[(i + half)..]);
            (c0 - a0).CopyTo(change[i..]);
            (c1 - a1).CopyTo(change[(i + half)..]);
        }

        for (; i < centre.Length; i++)
        {
            smooth[i] = (short)(above[i] + (2 * centre[i]) + below[i]);
            change[i] = (short)(below[i] - above[i]);
        }

        Pad(_smooth);
        Pad(_change);
    }

    private void Gradients()
    {
        ReadOnlySpan<short> smooth = _smooth, change = _change;
        int i = 0, one = _channels, two = 2 * _channels;
        for (; i <= _sum.Length - Vector<short>.Count; i += Vector<short>.Count)
        {
            Vector<short> x = new Vector<short>(smooth[(i + two)..]) - new Vector<short>(smooth[i..]);
            Vector<short> middle = new(change[(i + one)..]);
            Vector<short> y = new Vector<short>(change[i..]) + middle + middle + new Vector<short>(change[(i + two)..]);
            x.CopyTo(_across, i);
            y.CopyTo(_down, i);
            (Vector.Abs(x) + Vector.Abs(y)).CopyTo(_sum, i);
        }

        for (; i < _sum.Length; i++)
        {
            _across[i] = (short)(smooth[i + two] - smooth[i]);
            _down[i] = (short)(change[i] + (2 * change[i + one]) + change[i + two]);
            _sum[i] = (short)(Math.Abs((int)_across[i]) + Math.Abs((int)_down[i]));
        }
    }

    private void Select(Span<short> across, Span<short> down, Span<int> magnitudes)
    {
        for (int x = 0, at = 0; x < magnitudes.Length; x++, at += _channels)
        {
            int best = at, magnitude = Magnitude(at);
            for (int i = at + 1; i < at + _channels; i++)
            {
                int other = Magnitude(i);
                if (other > magnitude)
                {
                    (best, magnitude) = (i, other);
                }
            }

            across[x] = _across[best];
            down[x] = _down[best];
            magnitudes[x] = magnitude;
        }
    }

    private int Magnitude(int i) =>
        _squared ? (_across[i] * _across[i]) + (_down[i] * _down[i]) : _sum[i];

    /// <summary>Repeats the first and the last pixel.</summary>
    private void Pad(Span<short> row)
    {
        row.Slice(_channels, _channels).CopyTo(row);
        row.Slice(_width * _channels, _channels).CopyTo(row[((_width + 1) * _channels)..]);
    }

    private static (Vector<short> Low, Vector<short> High) Widen(ReadOnlySpan<byte> pixels)
    {
        Vector.Widen(new Vector<byte>(pixels), out Vector<ushort> low, out Vector<ushort> high);
        return (Vector.AsVectorInt16(low), Vector.AsVectorInt16(high));
    }
}
