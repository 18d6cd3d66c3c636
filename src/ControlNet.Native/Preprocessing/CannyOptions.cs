using System;

namespace ControlNet.Native.Preprocessing;

/// <summary>Which edges <see cref="Canny"/> keeps.</summary>
public sealed record CannyOptions
{
    /// <summary>Largest threshold: OpenCV's, well above any gradient of 8-bit pictures.</summary>
    public const double MaxThreshold = 32767;

    /// <summary>Edges weaker than this are dropped; 0 to <see cref="MaxThreshold"/>.</summary>
    public double Low { get; init; } = 100;

    /// <summary>
    /// Edges stronger than this are kept with all weaker ones they are connected with; 0 to
    /// <see cref="MaxThreshold"/>. When it is the smaller of the two, they change places.
    /// </summary>
    public double High { get; init; } = 200;

    /// <summary>Measures a gradient by its length rather than by the sum of its parts' magnitudes.</summary>
    public bool L2 { get; init; }

    /// <summary>Looks at the luminance only, rather than at the channel that changes most.</summary>
    public bool Grey { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="PreprocessingException">A threshold is out of its range.</exception>
    internal void Check()
    {
        OptionRange.Check($"{nameof(CannyOptions)}.{nameof(Low)}", Low, 0, MaxThreshold);
        OptionRange.Check($"{nameof(CannyOptions)}.{nameof(High)}", High, 0, MaxThreshold);
    }

    /// <summary>
    /// Both thresholds in the unit of the magnitudes, in order; a magnitude must exceed its threshold.
    /// </summary>
    internal (int Low, int High) Thresholds()
    {
        double low = Math.Min(Low, High), high = Math.Max(Low, High);
        return L2 ? ((int)Math.Floor(low * low), (int)Math.Floor(high * high))
            : ((int)Math.Floor(low), (int)Math.Floor(high));
    }
}
