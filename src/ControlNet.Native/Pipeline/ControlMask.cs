using System;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <summary>
/// Where in the picture a control acts: 1 (white) in full, 0 (black) not at all, in part between. Immutable; may be
/// shared between threads, requests and controls.
/// </summary>
public sealed class ControlMask
{
    private readonly float[] _values; // [Height, Width]

    /// <summary>Keeps the array.</summary>
    private ControlMask(float[] values, int width, int height)
    {
        (_values, Width, Height) = (values, width, height);
        IsBlack = values.All(value => value == 0);
    }

    /// <summary>Pixels of a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Whether nothing is let through anywhere.</summary>
    internal bool IsBlack { get; }

    /// <summary>A grey picture; of a coloured one the mean of red, green and blue.</summary>
    public static ControlMask FromRgbImage(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        ReadOnlySpan<byte> rgb = image.Pixels;
        float[] values = new float[rgb.Length / 3];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (rgb[3 * i] + rgb[(3 * i) + 1] + rgb[(3 * i) + 2]) / 765f;
        }

        return new ControlMask(values, image.Width, image.Height);
    }

    /// <summary>As <see cref="FromRgbImage"/>.</summary>
    public static implicit operator ControlMask(RgbImage image) => FromRgbImage(image);

    /// <summary>Copies floats.</summary>
    /// <param name="values">Exactly <c>height * width</c> values in [0, 1], <c>[height, width]</c>.</param>
    /// <param name="width">Pixels of a row, from 1.</param>
    /// <param name="height">Rows, from 1.</param>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    /// <exception cref="RequestException">A value is out of its range.</exception>
    public static ControlMask FromFloats(ReadOnlySpan<float> values, int width, int height)
    {
        ControlHint.CheckSize(
            $"{nameof(ControlMask)}.{nameof(FromFloats)}", nameof(values), values.Length, width, height, channels: 1);
        for (int i = 0; i < values.Length; i++)
        {
            // The comparison is written so that NaN fails it.
            if (!(values[i] >= 0 && values[i] <= 1))
            {
                throw new RequestException(FormattableString.Invariant(
                    $"{nameof(ControlMask)}.{nameof(FromFloats)}: values[{i}] is {values[i]}, ") +
                    "but must be from 0 to 1");
            }
        }

        return new ControlMask(values.ToArray(), width, height);
    }

    /// <summary>
    /// The mean over each cell of a grid laid over a picture the mask was fitted to: <c>[rows, columns]</c>. Exactly 1
    /// where all of a cell is white, exactly 0 where it is black.
    /// </summary>
    /// <param name="resize">How the mask comes to the size of the picture.</param>
    /// <param name="width">Width of the picture, in pixels.</param>
    /// <param name="height">Its height.</param>
    /// <param name="columns">Cells across.</param>
    /// <param name="rows">Cells down.</param>
    internal float[] Averaged(HintResize resize, int width, int height, int columns, int rows)
    {
        ImagePlacement fit = ControlHint.FitOf(resize, Width, Height, width, height);
        float outside = EdgeMedian.Of<float>(_values, Width, Height, channels: 1)[0];
        Cover[][] across = Covers(Width, fit.Width, fit.Left, width, columns);
        Cover[][] down = Covers(Height, fit.Height, fit.Top, height, rows);
        float[] means = new float[rows * columns];
        for (int i = 0; i < means.Length; i++)
        {
            // Both sums add up the same weights in the same order, so that of ones they are equal.
            double sum = 0, weights = 0;
            foreach (Cover y in down[i / columns])
            {
                foreach (Cover x in across[i % columns])
                {
                    float value = x.Pixel < 0 || y.Pixel < 0 ? outside : _values[(y.Pixel * Width) + x.Pixel];
                    sum += x.Share * y.Share * value;
                    weights += x.Share * y.Share;
                }
            }

            means[i] = (float)(sum / weights);
        }

        return means;
    }

    /// <summary>A pixel along one axis, -1 for all that lies outside, and how much of it a cell has.</summary>
    private readonly record struct Cover(int Pixel, double Share);

    /// <summary>For each cell the pixels of the mask under it, along one axis.</summary>
    private static Cover[][] Covers(int source, int fitted, int offset, int size, int cells)
    {
        double scale = (double)source / fitted;
        return
        [
            .. Enumerable.Range(0, cells).Select(cell =>
            {
                double begin = ((cell * (double)size / cells) - offset) * scale;
                double end = (((cell + 1) * (double)size / cells) - offset) * scale;
                int first = Math.Clamp((int)Math.Floor(begin), 0, source);
                int last = Math.Clamp((int)Math.Ceiling(end), 0, source);
                Cover[] inside =
                [
                    .. Enumerable.Range(first, Math.Max(0, last - first)).Select(pixel =>
                        new Cover(pixel, Math.Min(end, pixel + 1) - Math.Max(begin, pixel))),
                ];

                // Less than this is rounding of a cell that ends where the mask does.
                double rest = end - begin - inside.Sum(cover => cover.Share);
                return rest > 1e-6 * (end - begin) ? [.. inside, new Cover(-1, rest)] : inside;
            }),
        ];
    }
}
