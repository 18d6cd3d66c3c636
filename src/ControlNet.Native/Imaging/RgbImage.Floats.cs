using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Imaging;

/// <content>To and from the float values the networks read and write.</content>
public sealed partial class RgbImage
{
    /// <summary>The picture as floats, <c>[Height, Width, 3]</c>.</summary>
    /// <param name="range"><c>v / 255</c>, or <c>2 * (v / 255) - 1</c>.</param>
    public float[] ToFloats(PixelRange range)
    {
        float[] values = new float[_rgb.Length];
        CopyTo(values, range);
        return values;
    }

    /// <summary>Copies the picture as floats, <c>[Height, Width, 3]</c>.</summary>
    /// <param name="values">Exactly <c>Height * Width * 3</c> values.</param>
    /// <param name="range"><c>v / 255</c>, or <c>2 * (v / 255) - 1</c>.</param>
    /// <exception cref="ShapeException"><paramref name="values"/> has another length.</exception>
    public void CopyTo(Span<float> values, PixelRange range)
    {
        if (values.Length != _rgb.Length)
        {
            throw new ShapeException(
                $"RgbImage.CopyTo: {Width} x {Height} RGB pixels are {_rgb.Length} values, values has {values.Length}");
        }

        bool signed = range == PixelRange.MinusOneToOne;
        for (int i = 0; i < values.Length; i++)
        {
            float unit = _rgb[i] / 255f;
            values[i] = signed ? 2f * unit - 1f : unit;
        }
    }

    /// <summary>Makes a picture of floats; values outside the range are clamped, NaN becomes black.</summary>
    /// <param name="values">Exactly <c>height * width * 3</c> values, <c>[height, width, 3]</c>.</param>
    /// <param name="width">Pixels of a row, from 1.</param>
    /// <param name="height">Rows, from 1.</param>
    /// <param name="range">What the values span; <c>x / 2 + 0.5</c> brings [-1, 1] to [0, 1].</param>
    /// <param name="rounding">How <c>255 * x</c> becomes a whole number.</param>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    public static RgbImage FromFloats(
        ReadOnlySpan<float> values, int width, int height, PixelRange range,
        PixelRounding rounding = PixelRounding.Nearest)
    {
        CheckSize(width, height);
        int needed = checked(width * height * Channels);
        if (values.Length != needed)
        {
            throw new ShapeException(
                $"RgbImage.FromFloats: {width} x {height} RGB pixels are {needed} values, values has {values.Length}");
        }

        bool signed = range == PixelRange.MinusOneToOne;
        byte[] rgb = new byte[needed];
        for (int i = 0; i < rgb.Length; i++)
        {
            float unit = signed ? values[i] / 2f + 0.5f : values[i];
            float scaled = 255f * (unit > 0f ? Math.Min(unit, 1f) : 0f); // the comparison is false for NaN
            rgb[i] = (byte)(rounding == PixelRounding.Truncate ? scaled : MathF.Round(scaled));
        }

        return Own(width, height, rgb);
    }
}
