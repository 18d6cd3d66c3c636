namespace ControlNet.Native.Preprocessing;

/// <summary>How far <see cref="GaussianBlur"/> blurs. At least one of the two must be given.</summary>
public sealed record GaussianBlurOptions
{
    /// <summary>Widest kernel, in pixels.</summary>
    public const int MaxKernelSize = 999;

    /// <summary>Largest standard deviation, in pixels.</summary>
    public const double MaxSigma = 100;

    /// <summary>Standard deviation in pixels, 0 to <see cref="MaxSigma"/>; 0 takes it from the kernel size.</summary>
    public double Sigma { get; init; } = 9;

    /// <summary>
    /// Pixels of the kernel's edge, odd, to <see cref="MaxKernelSize"/>; 0 takes it from <see cref="Sigma"/>, three
    /// deviations to either side.
    /// </summary>
    public int KernelSize { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="PreprocessingException">A value is out of its range, or both are 0.</exception>
    internal void Check()
    {
        const string Name = nameof(GaussianBlurOptions);
        OptionRange.Check($"{Name}.{nameof(Sigma)}", Sigma, 0, MaxSigma);
        OptionRange.Check($"{Name}.{nameof(KernelSize)}", KernelSize, 0, MaxKernelSize);
        if (KernelSize != 0 && KernelSize % 2 == 0)
        {
            throw new PreprocessingException(
                $"{Name}.{nameof(KernelSize)} is {KernelSize}, but must be odd, or 0 to take it from " +
                $"{Name}.{nameof(Sigma)}");
        }

        if (KernelSize == 0 && Sigma == 0)
        {
            throw new PreprocessingException(
                $"{Name}.{nameof(Sigma)} and {Name}.{nameof(KernelSize)} are both 0; give one of them");
        }
    }
}
