namespace ControlNet.Native.Preprocessing;

/// <summary>How <see cref="EdgeThinning"/> finds the ridges of an edge map.</summary>
public sealed record EdgeThinningOptions
{
    /// <summary>Ridges up to this height are dropped, 0 to 255.</summary>
    public double Threshold { get; init; } = 127;

    /// <summary>Deviation of the blur before, in pixels, 0.1 to 100.</summary>
    public double Sigma { get; init; } = 3;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="PreprocessingException">A value is out of its range.</exception>
    internal void Check()
    {
        OptionRange.Check($"{nameof(EdgeThinningOptions)}.{nameof(Threshold)}", Threshold, 0, 255);
        OptionRange.Check($"{nameof(EdgeThinningOptions)}.{nameof(Sigma)}", Sigma, 0.1, GaussianBlurOptions.MaxSigma);
    }
}
