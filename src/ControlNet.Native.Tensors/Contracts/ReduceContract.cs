using System;

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

/// <summary>
/// A broadcast taken back: y has the axes of x with some of them shrunk to 1 or absent, and sums over those.
/// Neighbouring axes of one kind are merged, which leaves <c>x[First, Outer, Length, Inner, Last]</c> summed to
/// <c>y[Outer, Inner]</c>. Of the three that are summed at most two are longer than 1.
/// </summary>
internal readonly record struct SumToDims(int First, long Outer, int Length, long Inner, int Last)
{
    /// <summary>
    /// Checks one call and derives its dims: x has the shape of a result, y that of an operand which was broadcast to
    /// it. Touches no memory.
    /// </summary>
    /// <exception cref="ShapeException">y does not broadcast to x.</exception>
    public static SumToDims Infer(string op, Shape x, Shape y)
    {
        // From the last axis outwards, even places summed, odd ones kept. An axis joins the place at hand where it is
        // of its kind, else the next; an extent of 1 is of either kind.
        Span<long> merged = [1, 1, 1, 1, 1];
        int at = 0;
        bool fits = y.Rank <= x.Rank;
        for (int fromEnd = 1; fits && fromEnd <= x.Rank; fromEnd++)
        {
            int extent = x[-fromEnd], kept = fromEnd <= y.Rank ? y[-fromEnd] : 1;
            fits = kept == extent || kept == 1;
            if (extent != 1)
            {
                at += (kept != extent) == (at % 2 == 0) ? 0 : 1;
                merged[at] *= extent;
            }
        }

        return fits
            ? new SumToDims((int)merged[4], merged[3], checked((int)merged[2]), merged[1], checked((int)merged[0]))
            : throw new ShapeException($"{op}: x {x} cannot be summed to {y}, which does not broadcast to it");
    }
}

/// <summary>Sums along an axis, the softmax built on one, and what training measures: errors and norms.</summary>
/// <remarks>
/// Numerics: sums are accumulated in float64 or pairwise; softmax subtracts the largest element first.
/// Types: of <see cref="Sum"/> and <see cref="Softmax"/> x and y have one, of those the backend has for activations;
/// all else is F32.
/// Aliasing: where nothing else is said, results overlap nothing.
/// </remarks>
internal interface IReduceKernels
{
    /// <summary>y[o, i] = scale * sum over l of x[o, l, i].</summary>
    void Sum(in AxisDims d, float scale, BufferView x, BufferView y);

    /// <summary>y[o, l, i] = exp(x[o, l, i] - max) / sum. An element of -inf gives exactly 0. y may be x.</summary>
    void Softmax(in AxisDims d, BufferView x, BufferView y);

    /// <summary>dx[o, l, i] = scale * dy[o, i]: backward of <see cref="Sum"/>.</summary>
    void SumBackward(in AxisDims d, float scale, BufferView dy, BufferView dx);

    /// <summary>
    /// dx = y (dy - sum over l of y dy), y being the result of <see cref="Softmax"/>. dx may be dy.
    /// </summary>
    void SoftmaxBackward(in AxisDims d, BufferView y, BufferView dy, BufferView dx);

    /// <summary>
    /// y[o, i] = scale * sum over f, l and t of x[f, o, l, i, t]: the gradient of an operand that was broadcast.
    /// </summary>
    void SumTo(in SumToDims d, float scale, BufferView x, BufferView y);

    /// <summary>y[0] = factor * sum of (x - target)^2.</summary>
    void SquaredError(float factor, BufferView x, BufferView target, BufferView y);

    /// <summary>
    /// y[0] = sqrt(sum of x^2), taken in float64: the squares of gradients that overflow float32 do not matter, and the
    /// norm of many tensors is the norm of their norms.
    /// </summary>
    void Norm(BufferView x, BufferView y);
}
