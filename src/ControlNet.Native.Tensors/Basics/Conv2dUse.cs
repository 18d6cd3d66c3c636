namespace ControlNet.Native.Tensors;

/// <summary>
/// How the weight of a convolution is going to be used, so that <see cref="Ops.PackConv2d"/> can arrange it for that.
/// The extents are an expectation: a weight packed for them convolves images of every size.
/// </summary>
/// <param name="Height">Rows of the expected image, before padding, in pixels.</param>
/// <param name="Width">Columns of the expected image, before padding, in pixels.</param>
/// <param name="Stride">Step of the convolution in pixels. A weight arranged for stride 1 may refuse others.</param>
/// <param name="Padding">Zeros around the image, in pixels.</param>
/// <param name="Growth">How much larger than stored the packed weight may become.</param>
public readonly record struct Conv2dUse(int Height, int Width, int Stride, Padding Padding, WeightGrowth Growth);
