using System;
using System.Numerics;

namespace ControlNet.Native.Imaging;

/// <summary>
/// Separable resampling in float32. Conventions of OpenCV's <c>resize</c>: pixel centres at i + 0.5, edges repeated.
/// </summary>
internal static class ImageResampler
{
    /// <summary>
    /// The input pixels behind one output pixel: weights of <c>First</c>, <c>First + 1</c>, …; they sum to 1.
    /// </summary>
    private readonly record struct Taps(int First, float[] Weights);

    /// <summary>Receives a row of the frame: the values of the pixels that the picture covers.</summary>
    private delegate void RowSink(int row, int firstColumn, ReadOnlySpan<float> values);

    /// <summary>Returns <c>[height, width, 3]</c>.</summary>
    public static byte[] Resize(RgbImage image, int width, int height)
    {
        byte[] target = new byte[checked(width * height * 3)];
        Resize(image, ImagePlacement.Stretch(width, height), width, height, target);
        return target;
    }

    /// <summary>
    /// Resamples a picture into a frame <c>[height, width, 3]</c>; pixels that it does not cover stay as they are.
    /// </summary>
    public static void Resize(RgbImage image, in ImagePlacement fit, int width, int height, byte[] frame) =>
        Resize(image.Pixels, image.Width, image.Height, 3, fit, width, height, (row, first, values) =>
        {
            Span<byte> target = frame.AsSpan(3 * ((row * width) + first), values.Length);
            for (int i = 0; i < values.Length; i++)
            {
                target[i] = ToByte(values[i]);
            }
        });

    /// <summary>
    /// Resamples floats <c>[sourceHeight, sourceWidth, channels]</c> into a frame <c>[height, width, channels]</c>;
    /// pixels that they do not cover stay as they are. Values may leave the range of the source by what a cubic
    /// overshoots.
    /// </summary>
    public static void Resize(
        ReadOnlySpan<float> source, int sourceWidth, int sourceHeight, int channels, in ImagePlacement fit, int width,
        int height, float[] frame) =>
        Resize(source, sourceWidth, sourceHeight, channels, fit, width, height, (row, first, values) =>
            values.CopyTo(frame.AsSpan(channels * ((row * width) + first))));

    /// <summary>Only what lies within the frame is computed.</summary>
    private static void Resize<T>(
        ReadOnlySpan<T> source, int sourceWidth, int sourceHeight, int channels, in ImagePlacement fit, int width,
        int height, RowSink sink)
        where T : unmanaged, INumberBase<T>
    {
        (int firstColumn, int firstRow) = (Math.Max(0, fit.Left), Math.Max(0, fit.Top));
        Taps[] columns = TapsOf(
            sourceWidth, fit.Width, firstColumn - fit.Left, Math.Min(width, fit.Left + fit.Width) - firstColumn);
        Taps[] rows = TapsOf(
            sourceHeight, fit.Height, firstRow - fit.Top, Math.Min(height, fit.Top + fit.Height) - firstRow);
        int sourceRow = checked(sourceWidth * channels);
        float[] blended = new float[sourceRow]; // one output row before its columns are resampled
        float[] target = new float[checked(columns.Length * channels)];
        for (int y = 0; y < rows.Length; y++)
        {
            BlendRows(source, sourceRow, rows[y], blended);
            BlendColumns(blended, columns, channels, target);
            sink(firstRow + y, firstColumn, target);
        }
    }

    private static void BlendRows<T>(ReadOnlySpan<T> source, int sourceRow, Taps taps, Span<float> blended)
        where T : unmanaged, INumberBase<T>
    {
        blended.Clear();
        for (int k = 0; k < taps.Weights.Length; k++)
        {
            float weight = taps.Weights[k];
            ReadOnlySpan<T> row = source.Slice((taps.First + k) * sourceRow, sourceRow);
            for (int i = 0; i < blended.Length; i++)
            {
                blended[i] += weight * float.CreateTruncating(row[i]);
            }
        }
    }

    private static void BlendColumns(ReadOnlySpan<float> blended, Taps[] columns, int channels, Span<float> target)
    {
        target.Clear();
        for (int x = 0; x < columns.Length; x++)
        {
            Taps taps = columns[x];
            Span<float> pixel = target.Slice(x * channels, channels);
            for (int k = 0; k < taps.Weights.Length; k++)
            {
                float weight = taps.Weights[k];
                ReadOnlySpan<float> from = blended.Slice((taps.First + k) * channels, channels);
                for (int c = 0; c < pixel.Length; c++)
                {
                    pixel[c] += weight * from[c];
                }
            }
        }
    }

    private static byte ToByte(float value) => (byte)Math.Clamp(MathF.Round(value), 0f, 255f);

    /// <summary>The taps of <paramref name="count"/> output pixels from <paramref name="first"/> on.</summary>
    private static Taps[] TapsOf(int source, int target, int first, int count)
    {
        Taps[] taps = new Taps[count];
        double scale = (double)source / target;
        for (int k = 0; k < count; k++)
        {
            int i = first + k;
            taps[k] = source > target ? Area(i, scale, source)
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
