namespace ControlNet.Native;

/// <summary>How depths spread over the brightness of a depth hint, between the nearest and the farthest.</summary>
public enum DepthCurve
{
    /// <summary>
    /// Evenly in the values. For what is even already as the networks learnt it: disparities, the values of a depth
    /// buffer, which run as 1 / z does, or metric depths in the manner of Zoe.
    /// </summary>
    Linear,

    /// <summary>
    /// Evenly in 1 / z, as MiDaS estimates depth. For distances along the view: both ends must be of one sign, and the
    /// far one may be infinite.
    /// </summary>
    Inverse,
}
