namespace ControlNet.Native.Tensors.Contracts;

/// <summary>One axis of a tensor reduced or normalised: x seen as <c>[Outer, Length, Inner]</c>.</summary>
internal readonly record struct AxisDims(long Outer, int Length, long Inner)
{
    /// <summary>Derives the dims of one call. Touches no memory.</summary>
    /// <exception cref="ShapeException">x has no such axis.</exception>
    public static AxisDims Infer(string op, Shape x, int axis)
    {
        int at = axis < 0 ? axis + x.Rank : axis;
        if (at < 0 || at >= x.Rank)
        {
            throw new ShapeException($"{op}: axis {axis} does not exist in x {x}");
        }

        long outer = 1, inner = 1;
        for (int i = 0; i < x.Rank; i++)
        {
            outer *= i < at ? x[i] : 1;
            inner *= i > at ? x[i] : 1;
        }

        return new AxisDims(outer, x[at], inner);
    }
}

/// <summary>Sums along an axis, and the softmax built on one.</summary>
/// <remarks>
/// Numerics: sums are accumulated in float64 or pairwise; softmax subtracts the largest element first.
/// </remarks>
internal interface IReduceKernels
{
    /// <summary>y[o, i] = scale * sum over l of x[o, l, i].</summary>
    void Sum(in AxisDims d, float scale, BufferView x, BufferView y);

    /// <summary>y[o, l, i] = exp(x[o, l, i] - max) / sum. An element of -inf gives exactly 0. y may be x.</summary>
    void Softmax(in AxisDims d, BufferView x, BufferView y);
}
