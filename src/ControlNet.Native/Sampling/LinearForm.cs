using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// A quantity as factors of the two tensors a step is given: <c>Sample * x + Output * model(x)</c>. Factors are worked
/// out in double on the host, so that a step is one pass over the tensors.
/// </summary>
internal readonly record struct LinearForm(double Sample, double Output)
{
    public static LinearForm operator +(LinearForm a, LinearForm b) => new(a.Sample + b.Sample, a.Output + b.Output);

    public static LinearForm operator *(double factor, LinearForm form) =>
        new(factor * form.Sample, factor * form.Output);

    /// <summary>The tensor.</summary>
    public Tensor Of(Tensor sample, Tensor output) =>
        Ops.LinearCombination(((float)Sample, sample), ((float)Output, output));

    /// <summary>The tensor plus noise of a given deviation.</summary>
    public Tensor Of(Tensor sample, Tensor output, double deviation, Tensor noise) =>
        Ops.LinearCombination(((float)Sample, sample), ((float)Output, output), ((float)deviation, noise));
}
