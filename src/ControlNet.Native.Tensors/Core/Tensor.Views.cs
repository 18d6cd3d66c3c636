using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <summary>Views: another shape or start over the same elements, without a copy.</summary>
public sealed partial class Tensor
{
    /// <summary>The same elements under another shape. Shares the memory.</summary>
    /// <param name="extents">Extents whose product is the element count; one may be -1 and is then worked out.</param>
    /// <exception cref="ShapeException">The counts differ.</exception>
    public Tensor Reshape(params System.ReadOnlySpan<int> extents)
    {
        System.Span<int> resolved = stackalloc int[extents.Length];
        long known = 1;
        int open = -1;
        for (int axis = 0; axis < extents.Length; axis++)
        {
            resolved[axis] = extents[axis];
            if (extents[axis] == -1 && open < 0)
            {
                open = axis;
            }
            else
            {
                known *= extents[axis];
            }
        }

        if (open >= 0)
        {
            resolved[open] = known > 0 && Shape.Count % known == 0 ? (int)(Shape.Count / known) : 0;
        }

        Shape shape = new(resolved);
        return shape.Count == Shape.Count
            ? new Tensor(this, shape, _offset) { Variable = Variable }
            : throw new ShapeException($"Reshape: {Shape} has {Shape.Count} elements, {shape} has {shape.Count}");
    }

    /// <summary>Consecutive members of the outermost axis. Shares the memory.</summary>
    /// <param name="start">First member, from 0.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="ShapeException">They do not all exist.</exception>
    public Tensor Rows(int start, int count)
    {
        if (Shape.Rank == 0 || start < 0 || count < 0 || start + count > Shape[0])
        {
            throw new ShapeException($"Rows: members {start} to {start + count} do not all exist in {Shape}");
        }

        System.Span<int> extents = stackalloc int[Shape.Rank];
        for (int axis = 0; axis < Shape.Rank; axis++)
        {
            extents[axis] = axis == 0 ? count : Shape[axis];
        }

        long each = Shape[0] == 0 ? 0 : Shape.Count / Shape[0];
        Tensor rows = new(this, new Shape(extents), _offset + (start * each));
        Tape.For(this)?.Add(new RowsNode(this, start * each, rows.Shape.Count), rows);
        return rows;
    }

    /// <summary>The same elements as a tensor of its own that no scope frees.</summary>
    internal Tensor Share() => Share(Shape);

    /// <summary>
    /// The same elements under a shape of the same count, as a tensor of its own that no scope frees.
    /// </summary>
    internal Tensor Share(Shape shape) => new Tensor(this, shape, _offset) { Variable = Variable }.Detach();

    /// <summary>The gradient of consecutive members: zero everywhere else.</summary>
    private sealed class RowsNode(Tensor source, long start, long count) : BackwardNode
    {
        private readonly Variable _source = source.Variable!;

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor dx = new(dy.Backend, _source.Shape);
            long all = _source.Shape.Count;
            dy.Backend.Movement.CopyRowsBackward(
                new CopyRowsDims(1, count, start, all, 0, count), dy.View, dx.View);
            gradients.Add(_source, dx);
        }
    }
}
