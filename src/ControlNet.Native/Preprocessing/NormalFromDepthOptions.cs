namespace ControlNet.Native.Preprocessing;

/// <summary>How <see cref="NormalFromDepth"/> reads a depth map.</summary>
public sealed record NormalFromDepthOptions
{
    /// <summary>
    /// Depths below this share of the range, from the furthest, face the camera; 0 to 1. 0 keeps all.
    /// </summary>
    public double BackgroundThreshold { get; init; } = 0.1;

    /// <summary>
    /// The part of a normal towards the camera before its length becomes 1, above 0 to 1,000,000; the larger, the
    /// flatter. In the unit of the depth map's Sobel gradients.
    /// </summary>
    public double Flatness { get; init; } = 2 * System.Math.PI;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="PreprocessingException">A value is out of its range.</exception>
    internal void Check()
    {
        const string Name = nameof(NormalFromDepthOptions);
        OptionRange.Check($"{Name}.{nameof(BackgroundThreshold)}", BackgroundThreshold, 0, 1);
        OptionRange.Check($"{Name}.{nameof(Flatness)}", Flatness, 1e-6, 1e6);
    }
}
