namespace ControlNet.Native.Preprocessing;

/// <summary>How <see cref="SoftEdges"/> measures edges.</summary>
public sealed record SoftEdgesOptions
{
    /// <summary>Which gradient.</summary>
    public GradientOperator Operator { get; init; } = GradientOperator.Scharr;

    /// <summary>Deviation of the blur before, in pixels, 0 to 100: hides detail smaller than it; 0 for none.</summary>
    public double Sigma { get; init; } = 1;

    /// <summary>Factor of the brightness, 0.01 to 100; at 1 a step from black to white is white.</summary>
    public double Gain { get; init; } = 2;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="PreprocessingException">A value is out of its range.</exception>
    internal void Check()
    {
        const string Name = nameof(SoftEdgesOptions);
        OptionRange.Check($"{Name}.{nameof(Operator)}", Operator);
        OptionRange.Check($"{Name}.{nameof(Sigma)}", Sigma, 0, GaussianBlurOptions.MaxSigma);
        OptionRange.Check($"{Name}.{nameof(Gain)}", Gain, 0.01, 100);
    }
}
