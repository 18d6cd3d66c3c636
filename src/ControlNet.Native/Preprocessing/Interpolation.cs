namespace ControlNet.Native.Preprocessing;

/// <summary>How <see cref="ImageResize"/> finds the pixels of another size; the names and rules of OpenCV.</summary>
public enum Interpolation
{
    /// <summary>The pixel at <c>floor(x * source / target)</c>: keeps flat colours, as maps of segments need.</summary>
    Nearest,

    /// <summary>
    /// The mean over the area of each new pixel; the best for shrinking. Growing it is nearly nearest.
    /// </summary>
    Area,

    /// <summary>Between two neighbours an axis.</summary>
    Linear,

    /// <summary>Keys' cubic of four neighbours an axis, a = -0.75.</summary>
    Cubic,

    /// <summary>Lanczos' kernel of eight neighbours an axis; the sharpest for growing.</summary>
    Lanczos4,
}
