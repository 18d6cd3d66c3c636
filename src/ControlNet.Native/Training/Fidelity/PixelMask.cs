using System;
using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>A set of pixels of a picture. Immutable; may be shared between threads.</summary>
public sealed class PixelMask
{
    private readonly bool[] _inside; // [Height, Width]

    /// <summary>Asks for each pixel once whether it belongs.</summary>
    /// <param name="width">Pixels of a row, from 1.</param>
    /// <param name="height">Rows, from 1.</param>
    /// <param name="contains">Called with column and row.</param>
    public PixelMask(int width, int height, Func<int, int, bool> contains)
    {
        ArgumentNullException.ThrowIfNull(contains);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        Width = width;
        Height = height;
        _inside = new bool[checked(width * height)];
        for (int i = 0; i < _inside.Length; i++)
        {
            _inside[i] = contains(i % width, i / width);
        }

        Count = _inside.Count(inside => inside);
    }

    /// <summary>Pixels of a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Pixels that belong.</summary>
    public int Count { get; }

    /// <summary>Whether a pixel belongs; none beyond the edges does.</summary>
    public bool this[int x, int y] =>
        (uint)x < (uint)Width && (uint)y < (uint)Height && _inside[y * Width + x];

    /// <summary>Pixels of both.</summary>
    /// <exception cref="ShapeException">The masks differ in size.</exception>
    public PixelMask Intersect(PixelMask other)
    {
        CheckSize(nameof(Intersect), other);
        return new PixelMask(Width, Height, (x, y) => this[x, y] && other[x, y]);
    }

    /// <summary>Pixels of either.</summary>
    /// <exception cref="ShapeException">The masks differ in size.</exception>
    public PixelMask Union(PixelMask other)
    {
        CheckSize(nameof(Union), other);
        return new PixelMask(Width, Height, (x, y) => this[x, y] || other[x, y]);
    }

    /// <summary>All other pixels.</summary>
    public PixelMask Complement() => new(Width, Height, (x, y) => !this[x, y]);

    /// <summary>Adds what is within some pixels, diagonals counted as one: a square of 2 n + 1.</summary>
    /// <param name="pixels">From 0.</param>
    public PixelMask Grow(int pixels)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pixels);
        PixelMask wide = new(Width, Height, (x, y) => Any(pixels, offset => this[x + offset, y]));
        return new PixelMask(Width, Height, (x, y) => Any(pixels, offset => wide[x, y + offset]));
    }

    /// <summary>
    /// Takes away what is within some pixels of the outside, diagonals counted as one. Beyond the edges is inside: a
    /// mask of everything stays whole.
    /// </summary>
    /// <param name="pixels">From 0.</param>
    public PixelMask Shrink(int pixels) => Complement().Grow(pixels).Complement();

    private static bool Any(int pixels, Func<int, bool> hit)
    {
        for (int offset = -pixels; offset <= pixels; offset++)
        {
            if (hit(offset))
            {
                return true;
            }
        }

        return false;
    }

    private void CheckSize(string operation, PixelMask other)
    {
        if ((other.Width, other.Height) != (Width, Height))
        {
            throw new ShapeException(
                $"PixelMask.{operation}: masks of {Width} x {Height} and {other.Width} x {other.Height} pixels; " +
                "resize the picture behind one of them");
        }
    }
}
