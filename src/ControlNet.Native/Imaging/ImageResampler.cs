using System;

namespace ControlNet.Native.Imaging;

/// <summary>
/// Separable resampling in float32. Conventions of OpenCV's <c>resize</c>: pixel centres at i + 0.5, edges repeated.
/// </summary>
internal static class ImageResampler
{
    private const int Channels = 3;

    /// <summary>
    /// The input pixels behind one output pixel: weights of <c>First</c>, <c>First + 1</c>, …; they sum to 1.
    /// </summary>
    private readonly record struct Taps(int First, float[] Weights);

    /// <summary>Returns <c>[height, width, 3]</c>.</summary>
    public static byte[] Resize(RgbImage image, int width, int height)
    {
        Taps[] columns = TapsOf(image.Width, width);
        Taps[] rows = TapsOf(image.Height, height);
        ReadOnlySpan<byte> source = image.Pixels;
        int sourceRow = image.Width * Channels;
        float[] blended = new float[sourceRow]; // one output row before its columns are resampled
        byte[] target = new byte[checked(width * height * Channels)];
        for (int y = 0; y < height; y++)
        {
            BlendRows(source, sourceRow, rows[y], blended);
            BlendColumns(blended, columns, target.AsSpan(y * width * Channels, width * Channels));
        }

        return target;
    }

    private static void BlendRows(ReadOnlySpan<byte> source, int sourceRow, Taps taps, Span<float> blended)
    {
        blended.Clear();
        for (int k = 0; k < taps.Weights.Length; k++)
        {
            float weight = taps.Weights[k];
            ReadOnlySpan<byte> row = source.Slice((taps.First + k) * sourceRow, sourceRow);
            for (int i = 0; i < blended.Length; i++)
            {
                blended[i] += weight * row[i];
            }
        }
    }

    private static void BlendColumns(ReadOnlySpan<float> blended, Taps[] columns, Span<byte> target)
    {
        for (int x = 0; x < columns.Length; x++)
        {
            Taps taps = columns[x];
            float red = 0f, green = 0f, blue = 0f;
            for (int k = 0; k < taps.Weights.Length; k++)
            {
                float weight = taps.Weights[k];
                int at = (taps.First + k) * Channels;
                red += weight * blended[at];
                green += weight * blended[at + 1];
                blue += weight * blended[at + 2];
            }

            target[Channels * x] = ToByte(red);
            target[Channels * x + 1] = ToByte(green);
            target[Channels * x + 2] = ToByte(blue);
        }
    }

    private static byte ToByte(float value) => (byte)Math.Clamp(MathF.Round(value), 0f, 255f);

    private static Taps[] TapsOf(int source, int target)
    {
        Taps[] taps = new Taps[target];
        double scale = (double)source / target;
        for (int i = 0; i < target; i++)
        {
            taps[i] = source > target ? Area(i, scale, source)
                : source == target ? new Taps(i, [1f])
                : Cubic((i + 0.5) * scale - 0.5, source);
        }

        return taps;
    }

    /// <summary>The share of each input pixel in [i * scale, (i + 1) * scale).</summary>
    private static Taps Area(int i, double scale, int source)
    {
        double begin = i * scale, end = Math.Min((i + 1) * scale, source);
        int first = Math.Min((int)begin, source - 1);
        int count = Math.Min((int)Math.Ceiling(end), source) - first;
        float[] weights = new float[count];
        double total = 0;
        for (int k = 0; k < count; k++)
        {
            double covered = Math.Min(end, first + k + 1) - Math.Max(begin, first + k);
            weights[k] = (float)(covered / (end - begin));
            total += weights[k];
        }

        // Float32 rounding of many small weights would darken a white picture by a step.
        for (int k = 0; k < count; k++)
        {
            weights[k] = (float)(weights[k] / total);
        }

        return new Taps(first, weights);
    }

    /// <summary>
    /// Keys' cubic convolution, a = -0.75, around <paramref name="centre"/>; taps outside fall on the edge pixel.
    /// </summary>
    private static Taps Cubic(double centre, int source)
    {
        int left = (int)Math.Floor(centre) - 1;
        int first = Math.Clamp(left, 0, source - 1), last = Math.Clamp(left + 3, 0, source - 1);
        float[] weights = new float[last - first + 1];
        for (int k = left; k < left + 4; k++)
        {
            weights[Math.Clamp(k, 0, source - 1) - first] += (float)Keys(Math.Abs(centre - k));
        }

        return new Taps(first, weights);
    }

    /// <summary>Keys, 1981, IEEE ASSP-29, eq. 15, with the a of OpenCV.</summary>
    private static double Keys(double d)
    {
        const double A = -0.75;
        return d <= 1 ? ((A + 2) * d - (A + 3)) * d * d + 1
            : d < 2 ? ((A * d - 5 * A) * d + 8 * A) * d - 4 * A
            : 0;
    }
}
