namespace ControlNet.Native.Training;

/// <summary>What a ControlNet is made of before its first step.</summary>
/// <remarks>Source of the comparisons: Zhang et al., 2023, arXiv:2302.05543, section 4.2 and figure 8.</remarks>
public enum ControlNetVariant
{
    /// <summary>That of the paper: a copy of the UNet's encoder that speaks through zero convolutions.</summary>
    Standard,

    /// <summary>For comparison: the convolutions it speaks through begin as noise (figure 8 b).</summary>
    Gaussian,

    /// <summary>
    /// For comparison: each block of the copy is a single convolution, "ControlNet-lite" (figure 8 c).
    /// </summary>
    Lite,
}
