using System;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// The source pixels behind each target pixel of one axis: <c>Count</c> for each, clamped to the edges, with weights
/// that sum to 1. Pixel centres lie at i + 0.5, as in OpenCV.
/// </summary>
/// <param name="Count">Taps of one target pixel.</param>
/// <param name="At">Source pixels, <c>[target, Count]</c>.</param>
/// <param name="Weights">Their weights, <c>[target, Count]</c>.</param>
internal sealed record AxisTaps(int Count, int[] At, double[] Weights)
{
    private const double CubicA = -0.75;

    /// <summary>Writes the weights of the taps around a place between two pixels.</summary>
    /// <param name="fraction">How far the place lies behind the left one of its neighbours, from 0 to below 1.</param>
    /// <param name="weights">Receives a weight for each tap.</param>
    private delegate void Kernel(double fraction, Span<double> weights);

    /// <summary>The taps of an axis.</summary>
    /// <param name="source">Its pixels before.</param>
    /// <param name="target">Its pixels after.</param>
    /// <param name="mode">Which taps; <see cref="Interpolation.Area"/> for axes that do not grow.</param>
    public static AxisTaps Of(int source, int target, Interpolation mode) => mode switch
    {
        Interpolation.Nearest => Nearest(source, target),
        Interpolation.Area => Area(source, target),
        Interpolation.Linear => Around(source, target, 2, 0, Linear),
        Interpolation.Cubic => Around(source, target, 4, 1, Cubic),
        _ => Around(source, target, 8, 3, Lanczos),
    };

    /// <summary>What OpenCV does for <c>INTER_AREA</c> where an axis of the picture grows.</summary>
    public static AxisTaps AreaGrowing(int source, int target)
    {
        AxisTaps taps = new(2, new int[2 * target], new double[2 * target]);
        double scale = (double)source / target, inverse = (double)target / source;
        for (int i = 0; i < target; i++)
        {
            int first = (int)Math.Floor(i * scale);
            double fraction = i + 1 - ((first + 1) * inverse);
            fraction = fraction <= 0 ? 0 : fraction - Math.Floor(fraction);
            taps.Set(i, 0, Math.Min(first, source - 1), 1 - fraction);
            taps.Set(i, 1, Math.Min(first + 1, source - 1), fraction);
        }

        return taps;
    }

    private static AxisTaps Nearest(int source, int target)
    {
        AxisTaps taps = new(1, new int[target], new double[target]);
        double scale = 1 / ((double)target / source); // OpenCV inverts the ratio, and so rounds twice
        for (int i = 0; i < target; i++)
        {
            taps.Set(i, 0, Math.Min((int)Math.Floor(i * scale), source - 1), 1);
        }

        return taps;
    }

    /// <summary>The share of each source pixel in [i * scale, (i + 1) * scale).</summary>
    private static AxisTaps Area(int source, int target)
    {
        double scale = (double)source / target;
        int count = Math.Min((int)Math.Ceiling(scale) + 1, source);
        AxisTaps taps = new(count, new int[target * count], new double[target * count]);
        for (int i = 0; i < target; i++)
        {
            double begin = i * scale, end = Math.Min((i + 1) * scale, source);
            int first = Math.Min((int)begin, source - 1);
            for (int k = 0; k < count; k++)
            {
                double covered = Math.Min(end, first + k + 1) - Math.Max(begin, first + k);
                taps.Set(i, k, Math.Min(first + k, source - 1), Math.Max(covered, 0) / (end - begin));
            }
        }

        return taps;
    }

    private static AxisTaps Around(int source, int target, int count, int left, Kernel kernel)
    {
        AxisTaps taps = new(count, new int[target * count], new double[target * count]);
        double scale = (double)source / target;
        for (int i = 0; i < target; i++)
        {
            double centre = ((i + 0.5) * scale) - 0.5;
            int first = (int)Math.Floor(centre);
            kernel(centre - first, taps.Weights.AsSpan(i * count, count));
            for (int k = 0; k < count; k++)
            {
                taps.At[(i * count) + k] = Math.Clamp(first - left + k, 0, source - 1);
            }
        }

        return taps;
    }

    private static void Linear(double fraction, Span<double> weights) =>
        (weights[0], weights[1]) = (1 - fraction, fraction);

    /// <summary>Keys, 1981, IEEE ASSP-29, eq. 15, with the a of OpenCV.</summary>
    private static void Cubic(double fraction, Span<double> weights)
    {
        for (int k = 0; k < 4; k++)
        {
            double d = Math.Abs(fraction + 1 - k);
            weights[k] = d <= 1 ? ((((CubicA + 2) * d) - (CubicA + 3)) * d * d) + 1
                : ((((CubicA * d) - (5 * CubicA)) * d + (8 * CubicA)) * d) - (4 * CubicA);
        }
    }

    /// <summary>sinc(d) sinc(d / 4), brought to a sum of 1.</summary>
    private static void Lanczos(double fraction, Span<double> weights)
    {
        double total = 0;
        for (int k = 0; k < 8; k++)
        {
            double d = Math.PI * (fraction + 3 - k);
            weights[k] = Math.Abs(d) < 1e-6 ? 1 : 4 * Math.Sin(d) * Math.Sin(d / 4) / (d * d);
            total += weights[k];
        }

        for (int k = 0; k < 8; k++)
        {
            weights[k] /= total;
        }
    }

    private void Set(int target, int tap, int source, double weight)
    {
        At[(target * Count) + tap] = source;
        Weights[(target * Count) + tap] = weight;
    }
}
