using System;
using System.Numerics;

namespace ControlNet.Native.Preprocessing;

/// <summary>Sums of weighted rows, in vectors: what blurring and resizing are made of.</summary>
internal static class FloatRows
{
    /// <summary>The same values as floats.</summary>
    public static float[] Widen(ReadOnlySpan<byte> pixels)
    {
        float[] values = new float[pixels.Length];
        int i = 0;
        for (; i <= pixels.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(pixels[i..]), out Vector<ushort> low, out Vector<ushort> high);
            WidenHalf(low, values.AsSpan(i));
            WidenHalf(high, values.AsSpan(i + Vector<ushort>.Count));
        }

        for (; i < pixels.Length; i++)
        {
            values[i] = pixels[i];
        }

        return values;
    }

    /// <summary><c>sum += weight * row</c>, element by element.</summary>
    /// <param name="sum">At most as long as <paramref name="row"/>.</param>
    /// <param name="row">What is added.</param>
    /// <param name="weight">Its factor.</param>
    public static void AddScaled(Span<float> sum, ReadOnlySpan<float> row, float weight)
    {
        row = row[..sum.Length];
        int i = 0;
        Vector<float> factor = new(weight);
        for (; i <= sum.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            (new Vector<float>(sum[i..]) + (factor * new Vector<float>(row[i..]))).CopyTo(sum[i..]);
        }

        for (; i < sum.Length; i++)
        {
            sum[i] += weight * row[i];
        }
    }

    /// <summary><c>sum += weight * (one + other)</c>, element by element.</summary>
    /// <param name="sum">At most as long as the rows.</param>
    /// <param name="one">A row.</param>
    /// <param name="other">The one opposite.</param>
    /// <param name="weight">The factor of both.</param>
    public static void AddScaled(
        Span<float> sum, ReadOnlySpan<float> one, ReadOnlySpan<float> other, float weight)
    {
        one = one[..sum.Length];
        other = other[..sum.Length];
        int i = 0;
        Vector<float> factor = new(weight);
        for (; i <= sum.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> both = new Vector<float>(one[i..]) + new Vector<float>(other[i..]);
            (new Vector<float>(sum[i..]) + (factor * both)).CopyTo(sum[i..]);
        }

        for (; i < sum.Length; i++)
        {
            sum[i] += weight * (one[i] + other[i]);
        }
    }

    /// <summary>To the nearest byte, halves to even; values outside are clamped.</summary>
    /// <param name="values">Finite values.</param>
    /// <param name="pixels">As many bytes.</param>
    public static void Round(ReadOnlySpan<float> values, Span<byte> pixels)
    {
        int i = 0, quarter = Vector<float>.Count;
        for (; i <= values.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector<ushort> low = Vector.Narrow(Whole(values[i..]), Whole(values[(i + quarter)..]));
            Vector<ushort> high = Vector.Narrow(Whole(values[(i + 2 * quarter)..]), Whole(values[(i + 3 * quarter)..]));
            Vector.Narrow(low, high).CopyTo(pixels[i..]);
        }

        for (; i < values.Length; i++)
        {
            pixels[i] = (byte)Math.Clamp(MathF.Round(values[i]), 0f, 255f);
        }
    }

    private static void WidenHalf(Vector<ushort> half, Span<float> values)
    {
        Vector.Widen(half, out Vector<uint> low, out Vector<uint> high);
        Vector.ConvertToSingle(Vector.AsVectorInt32(low)).CopyTo(values);
        Vector.ConvertToSingle(Vector.AsVectorInt32(high)).CopyTo(values[Vector<float>.Count..]);
    }

    private static Vector<uint> Whole(ReadOnlySpan<float> values)
    {
        Vector<float> inside = Vector.Min(
            Vector.Max(Vector.Round(new Vector<float>(values)), Vector<float>.Zero), new Vector<float>(255f));
        return Vector.AsVectorUInt32(Vector.ConvertToInt32(inside));
    }
}
