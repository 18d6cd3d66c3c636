using System;

namespace ControlNet.Native.Tensors.Contracts;

/// <summary>A function of two values.</summary>
internal enum BinaryOperation
{
    /// <summary>a + b</summary>
    Add,

    /// <summary>a - b</summary>
    Subtract,

    /// <summary>a * b</summary>
    Multiply,
}

/// <summary>
/// Two shapes broadcast against each other, aligned at the last axis, as four extents of the result and the element
/// steps of each operand along them; a step of 0 repeats the operand along that axis.
/// </summary>
internal readonly record struct BroadcastDims(
    int D0, int D1, int D2, int D3,
    int A0, int A1, int A2, int A3,
    int B0, int B1, int B2, int B3)
{
    /// <summary>Elements of the result.</summary>
    public long Count => (long)D0 * D1 * D2 * D3;

    /// <summary>
    /// Checks the shapes of one call, derives its dims and the shape of the result. Touches no memory.
    /// </summary>
    /// <exception cref="ShapeException">An axis has two different extents, neither of them 1.</exception>
    public static BroadcastDims Infer(string op, Shape a, Shape b, out Shape result)
    {
        int rank = Math.Max(a.Rank, b.Rank);
        Span<int> extents = stackalloc int[Shape.MaxRank];
        Span<int> stepsA = stackalloc int[Shape.MaxRank];
        Span<int> stepsB = stackalloc int[Shape.MaxRank];
        int stepA = 1, stepB = 1;
        for (int axis = Shape.MaxRank - 1; axis >= 0; axis--)
        {
            int fromEnd = Shape.MaxRank - axis;
            int inA = fromEnd <= a.Rank ? a[-fromEnd] : 1;
            int inB = fromEnd <= b.Rank ? b[-fromEnd] : 1;
            if (inA != inB && inA != 1 && inB != 1)
            {
                throw new ShapeException(
                    $"{op}: a {a} and b {b} do not broadcast; counted from the end, axis {-fromEnd} has {inA} " +
                    $"against {inB}");
            }

            extents[axis] = inA == 1 ? inB : inA;
            stepsA[axis] = inA == 1 ? 0 : stepA;
            stepsB[axis] = inB == 1 ? 0 : stepB;
            stepA *= inA;
            stepB *= inB;
        }

        result = new Shape(extents[(Shape.MaxRank - rank)..]);
        return new BroadcastDims(
            extents[0], extents[1], extents[2], extents[3],
            stepsA[0], stepsA[1], stepsA[2], stepsA[3],
            stepsB[0], stepsB[1], stepsB[2], stepsB[3]);
    }
}

/// <summary>Element by element functions, and conversions between storage types.</summary>
/// <remarks>
/// Numerics: float32; on [-12, 12] SiLU, quick GELU and GELU by tanh are within 1.2e-6 absolute of their definitions,
/// GELU within 9.5e-7, sigmoid and tanh within 5e-7, and the derivatives of all within 1.2e-6. An element's result does
/// not depend on its place. Conversions to 16 bits round to nearest, ties to even.
/// Types: operands and result have one, of those the backend has for activations, but for <see cref="Cast"/>. A result
/// beyond F16 becomes the largest half. Backward is F32.
/// Aliasing: the result may be any operand of the same element count and type.
/// </remarks>
internal interface IPointwiseKernels
{
    /// <summary>y = f(x)</summary>
    void Activate(Activation activation, BufferView x, BufferView y);

    /// <summary>y = a op b, broadcast.</summary>
    void Binary(BinaryOperation operation, in BroadcastDims d, BufferView a, BufferView b, BufferView y);

    /// <summary>
    /// y = sum of factors[i] * terms[i], added in order. All have the element count of y; at most 8 terms.
    /// </summary>
    void LinearCombination(ReadOnlySpan<float> factors, ReadOnlySpan<BufferView> terms, BufferView y);

    /// <summary>
    /// y[r, c] = x[r, c] * gelu(x[r, columns + c]): the first half of a row is the value, the second the gate.
    /// x is [rows, 2 * columns], y is [rows, columns].
    /// </summary>
    void Geglu(long rows, int columns, BufferView x, BufferView y);

    /// <summary>dx = f'(x) dy. Any of the three may be one buffer.</summary>
    void ActivateBackward(Activation activation, BufferView x, BufferView dy, BufferView dx);

    /// <summary>
    /// With value and gate the halves of a row of x as in <see cref="Geglu"/>: the first half of dx is dy gelu(gate),
    /// the second dy value gelu'(gate). dx may be x.
    /// </summary>
    void GegluBackward(long rows, int columns, BufferView x, BufferView dy, BufferView dx);

    /// <summary>
    /// dx = 2 factor dy (x - target) and dTarget = -dx: backward of <see cref="IReduceKernels.SquaredError"/>. dy is
    /// one number. Either result may be none; either may be x or target.
    /// </summary>
    void SquaredErrorBackward(
        float factor, BufferView x, BufferView target, BufferView dy, BufferView dx, BufferView dTarget);

    /// <summary>
    /// average += share (x - average), in place: an exponential moving average with decay 1 - share. In this form, and
    /// not as a combination with rounded factors that miss 1, an average that has reached x stays there.
    /// </summary>
    void MovingAverage(float share, BufferView x, BufferView average);

    /// <summary>y = x in the type of y. F32, F16 and BF16 both ways.</summary>
    void Cast(BufferView x, BufferView y);
}
