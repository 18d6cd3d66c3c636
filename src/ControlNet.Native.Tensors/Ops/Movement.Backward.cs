using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Gradients of operations that move elements.</content>
public static partial class Ops
{
    private sealed class PermuteNode(PermuteDims inverse, Tensor x) : BackwardNode
    {
        private readonly Variable _ofX = x.Variable!;

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor dx = new(dy.Backend, _ofX.Shape);
            dy.Backend.Movement.Permute(inverse, dy.View, dx.View);
            gradients.Add(_ofX, dx);
        }
    }

    private static void RecordConcat(AxisDims dims, int axis, ReadOnlySpan<Tensor> tensors, Tensor y)
    {
        if (!Tape.IsOpen)
        {
            return;
        }

        (Variable?, Shape)[] parts = new (Variable?, Shape)[tensors.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = (tensors[i].Variable, tensors[i].Shape);
        }

        Tape.For([.. tensors])?.Add(new ConcatNode(dims, axis, parts), y);
    }

    private sealed class ConcatNode(AxisDims dims, int axis, (Variable? Of, Shape Shape)[] parts) : BackwardNode
    {
        public override void Run(Tensor dy, Gradients gradients)
        {
            long start = 0, all = dy.Shape[axis] * dims.Inner;
            foreach ((Variable? variable, Shape shape) in parts)
            {
                long length = shape[axis] * dims.Inner;
                if (variable is not null)
                {
                    Tensor part = new(dy.Backend, shape);
                    dy.Backend.Movement.CopyRows(
                        new CopyRowsDims(dims.Outer, length, start, all, 0, length), dy.View, part.View);
                    gradients.Add(variable, part);
                }

                start += length;
            }
        }
    }

    private sealed class SliceNode(CopyRowsDims rows, Tensor x) : BackwardNode
    {
        private readonly Variable _ofX = x.Variable!;

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor dx = new(dy.Backend, _ofX.Shape);
            dy.Backend.Movement.CopyRowsBackward(rows, dy.View, dx.View);
            gradients.Add(_ofX, dx);
        }
    }

    private sealed class UpsampleNearestNode(UpsampleDims dims, Tensor x) : BackwardNode
    {
        private readonly Variable _ofX = x.Variable!;

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor dx = new(dy.Backend, _ofX.Shape);
            dy.Backend.Movement.UpsampleNearestBackward(dims, dy.View, dx.View);
            gradients.Add(_ofX, dx);
        }
    }

    private sealed class GatherRowsNode : BackwardNode
    {
        private readonly Variable _ofTable;
        private readonly Tensor _ids;

        public GatherRowsNode(Tensor table, Tensor ids) => (_ofTable, _ids) = (table.Variable!, Save(ids));

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor dTable = new(dy.Backend, _ofTable.Shape);
            dy.Backend.Movement.GatherRowsBackward(_ofTable.Shape[1], _ids.View, dy.View, dTable.View);
            gradients.Add(_ofTable, dTable);
        }
    }
}
