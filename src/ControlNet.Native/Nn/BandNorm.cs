using ControlNet.Native.Tensors;

namespace ControlNet.Native.Nn;

/// <summary>
/// A group normalisation whose statistics are known: the same function for every band of an image, and of a band's
/// neighbours. Its tensors belong to the scope it is made in.
/// </summary>
/// <param name="Mean">Of the group of each channel, F32 <c>[C]</c>.</param>
/// <param name="Scale">gamma / sqrt(variance + eps) of each channel, F32 <c>[C]</c>.</param>
/// <param name="Shift">beta, F32 <c>[C]</c>.</param>
/// <param name="Activation">Applied last.</param>
internal sealed record BandNorm(Tensor Mean, Tensor Scale, Tensor Shift, Activation Activation)
{
    /// <summary>act((x - mean) scale + shift), in F32 whatever x is stored in.</summary>
    /// <param name="x"><c>[1, rows, W, C]</c></param>
    /// <returns>Of the shape and type of x.</returns>
    public Tensor Apply(Tensor x)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor y = Ops.Subtract(x.DType == DType.F32 ? x : Ops.Cast(x, DType.F32), Mean);
        y = y.ReplacedBy(Ops.Multiply(y, Scale));
        y = y.ReplacedBy(Ops.Add(y, Shift));
        y = Activation == Activation.None ? y : y.ReplacedBy(Ops.Activate(y, Activation));
        return scope.Keep(x.DType == DType.F32 ? y : y.ReplacedBy(Ops.Cast(y, x.DType)));
    }
}
