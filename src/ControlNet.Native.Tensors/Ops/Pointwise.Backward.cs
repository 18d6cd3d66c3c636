using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Gradients of element by element functions.</content>
public static partial class Ops
{
    private static void RecordLinearCombination(ReadOnlySpan<(float Factor, Tensor Term)> terms, Tensor y)
    {
        if (!Tape.IsOpen)
        {
            return;
        }

        Tensor?[] inputs = new Tensor?[terms.Length];
        (float, Variable?)[] variables = new (float, Variable?)[terms.Length];
        for (int i = 0; i < terms.Length; i++)
        {
            inputs[i] = terms[i].Term;
            variables[i] = (terms[i].Factor, terms[i].Term.Variable);
        }

        Tape.For(inputs)?.Add(new LinearCombinationNode(variables), y);
    }

    private sealed class LinearCombinationNode((float Factor, Variable? Of)[] terms) : BackwardNode
    {
        public override void Run(Tensor dy, Gradients gradients)
        {
            foreach ((float factor, Variable? variable) in terms)
            {
                if (variable is not null)
                {
                    gradients.Add(variable, factor == 1f ? dy : Scale(dy, factor));
                }
            }
        }
    }

    private sealed class ActivateNode : BackwardNode
    {
        private readonly Activation _activation;
        private readonly Tensor _x;

        public ActivateNode(Activation activation, Tensor x) => (_activation, _x) = (activation, Save(x));

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor dx = new(dy.Backend, _x.Shape);
            dy.Backend.Pointwise.ActivateBackward(_activation, _x.View, dy.View, dx.View);
            gradients.Add(_x.Variable, dx);
        }
    }

    private sealed class GegluNode : BackwardNode
    {
        private readonly int _columns;
        private readonly Tensor _x;

        public GegluNode(int columns, Tensor x) => (_columns, _x) = (columns, Save(x));

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor dx = new(dy.Backend, _x.Shape);
            long rows = _columns == 0 ? 0 : dy.Shape.Count / _columns;
            dy.Backend.Pointwise.GegluBackward(rows, _columns, _x.View, dy.View, dx.View);
            gradients.Add(_x.Variable, dx);
        }
    }

    private sealed class BinaryNode : BackwardNode
    {
        private readonly BinaryOperation _operation;
        private readonly Variable? _ofA, _ofB;
        private readonly Shape _shapeA, _shapeB;
        private readonly Tensor? _a, _b;

        public BinaryNode(BinaryOperation operation, Tensor a, Tensor b)
        {
            (_operation, _ofA, _ofB) = (operation, a.Variable, b.Variable);
            (_shapeA, _shapeB) = (a.Shape, b.Shape);
            if (operation == BinaryOperation.Multiply)
            {
                _a = _ofB is null ? null : Save(a);
                _b = _ofA is null ? null : Save(b);
            }
        }

        public override void Run(Tensor dy, Gradients gradients)
        {
            if (_ofA is not null)
            {
                gradients.Add(_ofA, SumTo(_b is null ? dy : Multiply(dy, _b), _shapeA));
            }

            if (_ofB is not null)
            {
                Tensor summed = SumTo(_a is null ? dy : Multiply(dy, _a), _shapeB);
                gradients.Add(_ofB, _operation == BinaryOperation.Subtract ? Scale(summed, -1f) : summed);
            }
        }
    }
}
