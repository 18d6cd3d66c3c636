using System;

namespace ControlNet.Native.Tensors.Contracts;

/// <summary>A permutation of four axes: the extents of x, and for each axis of y the axis of x it comes from.</summary>
internal readonly record struct PermuteDims(int D0, int D1, int D2, int D3, int From0, int From1, int From2, int From3)
{
    /// <summary>Checks one call, derives its dims and the shape of the result. Touches no memory.</summary>
    /// <exception cref="ShapeException">The axes are not a permutation of those of x.</exception>
    public static PermuteDims Infer(Shape x, ReadOnlySpan<int> axes, out Shape result)
    {
        int seen = 0;
        foreach (int axis in axes)
        {
            seen |= axis is >= 0 and < Shape.MaxRank ? 1 << axis : 0;
        }

        if (axes.Length != x.Rank || seen != (1 << x.Rank) - 1)
        {
            throw new ShapeException(
                $"Permute: [{string.Join(", ", axes.ToArray())}] is not a permutation of the axes of x {x}");
        }

        int lead = Shape.MaxRank - x.Rank;
        Span<int> extents = [1, 1, 1, 1];
        Span<int> from = [0, 1, 2, 3];
        Span<int> permuted = stackalloc int[x.Rank];
        for (int axis = 0; axis < x.Rank; axis++)
        {
            extents[lead + axis] = x[axis];
            from[lead + axis] = lead + axes[axis];
            permuted[axis] = x[axes[axis]];
        }

        result = new Shape(permuted);
        return new PermuteDims(extents[0], extents[1], extents[2], extents[3], from[0], from[1], from[2], from[3]);
    }

    /// <summary>The permutation that undoes this one: its gradient.</summary>
    public PermuteDims Inverse()
    {
        ReadOnlySpan<int> extents = [D0, D1, D2, D3];
        ReadOnlySpan<int> from = [From0, From1, From2, From3];
        Span<int> back = stackalloc int[Shape.MaxRank];
        for (int axis = 0; axis < from.Length; axis++)
        {
            back[from[axis]] = axis;
        }

        return new PermuteDims(
            extents[From0], extents[From1], extents[From2], extents[From3], back[0], back[1], back[2], back[3]);
    }
}

/// <summary>
/// Rows copied between two buffers: <c>Rows</c> runs of <c>Length</c> elements; row r starts at
/// <c>SourceStart + r * SourceStep</c> in x and at <c>TargetStart + r * TargetStep</c> in y.
/// Concatenation and slicing along any axis are calls of this.
/// </summary>
internal readonly record struct CopyRowsDims(
    long Rows, long Length, long SourceStart, long SourceStep, long TargetStart, long TargetStep)
{
    /// <summary>
    /// The same rows back from y to x: the gradient of a tensor that was joined into a longer one.
    /// </summary>
    public CopyRowsDims Inverse() => new(Rows, Length, TargetStart, TargetStep, SourceStart, SourceStep);
}

/// <summary>
/// Nearest-neighbour resize of <c>[Batch, Height, Width, Channels]</c> to
/// <c>[Batch, OutHeight, OutWidth, Channels]</c>.
/// </summary>
internal readonly record struct UpsampleDims(
    int Batch, int Height, int Width, int Channels, int OutHeight, int OutWidth)
{
    /// <summary>Checks one call and derives its dims. Touches no memory.</summary>
    /// <exception cref="ShapeException">x is not an image, or a target extent is not positive.</exception>
    public static UpsampleDims Infer(Shape x, int outHeight, int outWidth)
    {
        if (x.Rank != 4)
        {
            throw new ShapeException($"UpsampleNearest: x must be [N, H, W, C], got {x}");
        }

        if (outHeight <= 0 || outWidth <= 0)
        {
            throw new ShapeException(
                $"UpsampleNearest: the target size must be positive, got {outHeight} x {outWidth}");
        }

        return new UpsampleDims(x[0], x[1], x[2], x[3], outHeight, outWidth);
    }
}

/// <summary>
/// Moves elements and computes nothing, so results are exact. No buffers may overlap. x and y have one type, of those
/// the backend has for activations. Backward adds what came from one element, in float32 and in the order of y.
/// </summary>
internal interface IMovementKernels
{
    /// <summary>y = x with its axes reordered.</summary>
    void Permute(in PermuteDims d, BufferView x, BufferView y);

    /// <summary>Copies rows; x and y have the same type.</summary>
    void CopyRows(in CopyRowsDims d, BufferView x, BufferView y);

    /// <summary>Source pixel of target pixel t is <c>min(floor(t * in / out), in - 1)</c> along each axis.</summary>
    void UpsampleNearest(in UpsampleDims d, BufferView x, BufferView y);

    /// <summary>
    /// y[i, :] = table[ids[i], :] for <paramref name="width"/> columns, widened to F32. ids is I32 and was checked
    /// against the rows of the table.
    /// </summary>
    void GatherRows(int width, BufferView table, BufferView ids, BufferView y);

    /// <summary>
    /// dx holds dy where <see cref="CopyRows"/> took an element of x and 0 elsewhere; F32. The rows must not overlap in
    /// x. Backward of a slice, and padding with zeros.
    /// </summary>
    void CopyRowsBackward(in CopyRowsDims d, BufferView dy, BufferView dx);

    /// <summary>
    /// Each pixel of dx is the sum of the pixels of dy that <see cref="UpsampleNearest"/> takes from it, 0 if there is
    /// none.
    /// </summary>
    void UpsampleNearestBackward(in UpsampleDims d, BufferView dy, BufferView dx);

    /// <summary>
    /// dTable[r, :] = sum of dy[i, :] over all i with ids[i] = r, added in the order of i; 0 where there is none.
    /// </summary>
    void GatherRowsBackward(int width, BufferView ids, BufferView dy, BufferView dTable);
}
