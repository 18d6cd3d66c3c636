namespace ControlNet.Native.Preprocessing;

/// <summary>Kernels of 3 x 3 that measure how a value changes along x and y.</summary>
public enum GradientOperator
{
    /// <summary>Sobel's, (1, 2, 1) across the change.</summary>
    Sobel,

    /// <summary>Scharr's, (3, 10, 3) across the change: nearly the same in every direction.</summary>
    Scharr,
}
