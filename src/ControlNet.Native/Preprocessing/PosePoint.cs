namespace ControlNet.Native.Preprocessing;

/// <summary>A joint or other point of a body that was found.</summary>
/// <param name="X">Pixels from the left edge.</param>
/// <param name="Y">Pixels from the upper edge.</param>
public readonly record struct PosePoint(double X, double Y);
