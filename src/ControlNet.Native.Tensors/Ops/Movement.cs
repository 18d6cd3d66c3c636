using System;
using System.Runtime.InteropServices;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Operations that move elements and compute nothing.</content>
public static partial class Ops
{
    /// <summary>Reorders the axes: axis i of the result is axis <c>axes[i]</c> of x.</summary>
    /// <exception cref="ShapeException">The axes are not a permutation of those of x.</exception>
    public static Tensor Permute(Tensor x, params ReadOnlySpan<int> axes)
    {
        Check(x, x);
        PermuteDims d = PermuteDims.Infer(x.Shape, axes, out Shape result);
        Tensor y = new(x.Backend, result, x.DType);
        x.Backend.Movement.Permute(d, x.View, y.View);
        Tape.For(x)?.Add(new PermuteNode(d.Inverse(), x), y);
        return y;
    }

    /// <summary>
    /// Images as checkpoints and PyTorch lay them out, <c>[N, C, H, W]</c>, to channels-last <c>[N, H, W, C]</c>.
    /// </summary>
    public static Tensor ToChannelsLast(Tensor x) => Permute(x, 0, 2, 3, 1);

    /// <summary>Channels-last images <c>[N, H, W, C]</c> to PyTorch's <c>[N, C, H, W]</c>.</summary>
    public static Tensor ToChannelsFirst(Tensor x) => Permute(x, 0, 3, 1, 2);

    /// <summary>Joins tensors along one axis; all other extents agree.</summary>
    /// <param name="axis">Counted from the end when negative; -1 joins channels.</param>
    /// <param name="tensors">At least one.</param>
    /// <exception cref="ShapeException">The other extents differ.</exception>
    public static Tensor Concat(int axis, params ReadOnlySpan<Tensor> tensors)
    {
        if (tensors.Length == 0)
        {
            throw new ShapeException("Concat: takes at least one tensor");
        }

        Tensor first = tensors[0];
        AxisDims dims = AxisDims.Infer(nameof(Concat), first.Shape, axis);
        int at = axis < 0 ? axis + first.Shape.Rank : axis;
        int total = 0;
        foreach (Tensor tensor in tensors)
        {
            Check(first, tensor);
            if (tensor.Shape.Rank != first.Shape.Rank
                || WithExtent(tensor.Shape, at, 1) != WithExtent(first.Shape, at, 1))
            {
                throw new ShapeException(
                    $"Concat: {tensor.Shape} does not fit {first.Shape}; only axis {axis} may differ");
            }

            total += tensor.Shape[at];
        }

        Tensor y = new(first.Backend, WithExtent(first.Shape, at, total), first.DType);
        long start = 0;
        foreach (Tensor tensor in tensors)
        {
            long length = tensor.Shape[at] * dims.Inner;
            y.Backend.Movement.CopyRows(
                new CopyRowsDims(dims.Outer, length, 0, length, start, total * dims.Inner), tensor.View, y.View);
            start += length;
        }

        RecordConcat(dims, at, tensors, y);
        return y;
    }

    /// <summary>A range along one axis, copied.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="axis">Counted from the end when negative.</param>
    /// <param name="start">First member, from 0.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="ShapeException">They do not all exist.</exception>
    public static Tensor Slice(Tensor x, int axis, int start, int count)
    {
        Check(x, x);
        AxisDims dims = AxisDims.Infer(nameof(Slice), x.Shape, axis);
        if (start < 0 || count < 0 || start + count > dims.Length)
        {
            throw new ShapeException(
                $"Slice: members {start} to {start + count} of axis {axis} do not all exist in x {x.Shape}");
        }

        Tensor y = new(x.Backend, WithExtent(x.Shape, axis < 0 ? axis + x.Shape.Rank : axis, count), x.DType);
        CopyRowsDims rows = new(
            dims.Outer, count * dims.Inner, start * dims.Inner, dims.Length * dims.Inner, 0, count * dims.Inner);
        x.Backend.Movement.CopyRows(rows, x.View, y.View);
        Tape.For(x)?.Add(new SliceNode(rows, x), y);
        return y;
    }

    /// <summary>Resizes images to any size by repeating or dropping pixels.</summary>
    /// <param name="x"><c>[N, H, W, C]</c></param>
    /// <param name="outHeight">
    /// Rows of the result; twice H in the decoders, one less where a skip connection is odd.
    /// </param>
    /// <param name="outWidth">Columns of the result.</param>
    /// <returns><c>[N, outHeight, outWidth, C]</c>; pixel t comes from <c>floor(t * in / out)</c>.</returns>
    /// <exception cref="ShapeException">x is not an image, or the size is not positive.</exception>
    public static Tensor UpsampleNearest(Tensor x, int outHeight, int outWidth)
    {
        Check(x, x);
        UpsampleDims d = UpsampleDims.Infer(x.Shape, outHeight, outWidth);
        Tensor y = new(x.Backend, new Shape(d.Batch, outHeight, outWidth, d.Channels), x.DType);
        x.Backend.Movement.UpsampleNearest(d, x.View, y.View);
        Tape.For(x)?.Add(new UpsampleNearestNode(d, x), y);
        return y;
    }

    /// <summary>Looks rows up: the embedding of tokens.</summary>
    /// <param name="table"><c>[rows, C]</c>, F32, F16 or BF16.</param>
    /// <param name="ids">Row indices, I32, any shape of at most three axes.</param>
    /// <returns>F32 of the shape of ids with C appended.</returns>
    /// <exception cref="ShapeException">An index is not a row of the table.</exception>
    public static Tensor GatherRows(Tensor table, Tensor ids)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(ids);
        if (table.Shape.Rank != 2 || ids.DType != DType.I32 || ids.Shape.Rank >= Shape.MaxRank)
        {
            throw new ShapeException(
                $"GatherRows: table must be [rows, C] and ids I32 of at most three axes, got {table} and {ids}");
        }

        int[] indices = new int[ids.Shape.Count];
        ids.CopyBytesTo(MemoryMarshal.AsBytes(indices.AsSpan()));
        foreach (int index in indices)
        {
            if (index < 0 || index >= table.Shape[0])
            {
                throw new ShapeException(
                    $"GatherRows: index {index} is not one of the {table.Shape[0]} rows of table {table.Shape}");
            }
        }

        Span<int> extents = stackalloc int[ids.Shape.Rank + 1];
        for (int axis = 0; axis < ids.Shape.Rank; axis++)
        {
            extents[axis] = ids.Shape[axis];
        }

        extents[^1] = table.Shape[1];
        Tensor y = new(table.Backend, new Shape(extents));
        table.Backend.Movement.GatherRows(table.Shape[1], table.View, ids.View, y.View);
        Tape.For(table)?.Add(new GatherRowsNode(table, ids), y);
        return y;
    }

    private static Shape WithExtent(Shape shape, int at, int extent)
    {
        Span<int> extents = stackalloc int[shape.Rank];
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            extents[axis] = axis == at ? extent : shape[axis];
        }

        return new Shape(extents);
    }
}
