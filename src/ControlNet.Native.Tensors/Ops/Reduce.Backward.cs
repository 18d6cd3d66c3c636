using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Gradients of sums.</content>
public static partial class Ops
{
    private sealed class SumNode(AxisDims dims, float scale, Tensor x) : BackwardNode
    {
        private readonly Variable _ofX = x.Variable!;

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor dx = new(dy.Backend, _ofX.Shape);
            dy.Backend.Reduce.SumBackward(dims, scale, dy.View, dx.View);
            gradients.Add(_ofX, dx);
        }
    }

    private sealed class SoftmaxNode : BackwardNode
    {
        private readonly AxisDims _dims;
        private readonly Variable _ofX;
        private readonly Tensor _y;

        public SoftmaxNode(in AxisDims d, Tensor x, Tensor y) => (_dims, _ofX, _y) = (d, x.Variable!, Save(y));

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor dx = new(dy.Backend, _ofX.Shape);
            dy.Backend.Reduce.SoftmaxBackward(_dims, _y.View, dy.View, dx.View);
            gradients.Add(_ofX, dx);
        }
    }

    private sealed class SquaredErrorNode : BackwardNode
    {
        private readonly float _factor;
        private readonly Tensor _x, _target;

        public SquaredErrorNode(float factor, Tensor x, Tensor target) =>
            (_factor, _x, _target) = (factor, Save(x), Save(target));

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor? dx = Wanted(_x), dTarget = Wanted(_target);
            dy.Backend.Pointwise.SquaredErrorBackward(
                _factor, _x.View, _target.View, dy.View, ViewOf(dx), ViewOf(dTarget));
            AddWanted(gradients, _x, dx);
            AddWanted(gradients, _target, dTarget);
        }
    }
}
