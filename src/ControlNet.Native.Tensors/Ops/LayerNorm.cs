using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Layer normalisation.</content>
public static partial class Ops
{
    /// <summary>
    /// Normalises each row to mean 0 and variance 1, then scales and shifts: group norm of one group and one pixel.
    /// </summary>
    /// <param name="x">Rows to normalise, <c>[..., C]</c>.</param>
    /// <param name="gamma">Scale of each column, F32 <c>[C]</c>.</param>
    /// <param name="beta">Shift of each column, F32 <c>[C]</c>.</param>
    /// <param name="eps">Added to the variance, above 0. 1e-5 throughout Stable Diffusion.</param>
    /// <returns>A new tensor of the shape and type of x.</returns>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    /// <remarks>Source: Ba, Kiros and Hinton, 2016, arXiv:1607.06450.</remarks>
    public static Tensor LayerNorm(Tensor x, Tensor gamma, Tensor beta, float eps = 1e-5f)
    {
        Check(x, x);
        return GroupNorm(GroupNormDims.InferRows(x.Shape, gamma.Shape, beta.Shape, eps), x, gamma, beta);
    }
}
