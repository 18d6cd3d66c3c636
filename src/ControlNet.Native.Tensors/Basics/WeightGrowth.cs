namespace ControlNet.Native.Tensors;

/// <summary>
/// How much larger than stored a packed weight of a 3 x 3 convolution may become so that convolving is faster. A
/// transformed weight is kept in F32, whatever the storage, instead of the weight as it was: F(2x2) has 16 elements
/// for each 9, F(4x4) has 36. Source: Lavin and Gray, 2016, "Fast algorithms for convolutional neural networks".
/// </summary>
public enum WeightGrowth
{
    /// <summary>
    /// Packed weights keep their number of elements and their storage; a transform is made for each call where even
    /// that is faster.
    /// </summary>
    None,

    /// <summary>
    /// Keeps the weights of images of 32 x 32 pixels and larger for F(4x4), those of smaller images for F(2x2).
    /// </summary>
    Moderate,

    /// <summary>
    /// Keeps the weights of images of 16 x 16 pixels and larger for F(4x4), those of smaller images for F(2x2).
    /// </summary>
    Full,
}
