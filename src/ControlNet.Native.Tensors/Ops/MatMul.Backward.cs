using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Gradients of products.</content>
public static partial class Ops
{
    private sealed class LinearNode : BackwardNode
    {
        private readonly LinearDims _dims;
        private readonly Tensor? _x, _weight;
        private readonly Shape _xShape;
        private readonly Variable? _ofX, _ofWeight, _ofBias, _ofAdded;

        public LinearNode(in LinearDims d, Tensor x, Tensor weight, Tensor? bias, Tensor? addTensor)
        {
            (_dims, _xShape) = (d, x.Shape);
            (_ofX, _ofWeight, _ofBias, _ofAdded) =
                (x.Variable, weight.Variable, bias?.Variable, addTensor?.Variable);
            _x = _ofWeight is null ? null : Save(x);
            _weight = _ofX is null ? null : Save(weight);
        }

        public override void Run(Tensor dy, Gradients gradients)
        {
            gradients.Add(_ofAdded, dy);
            if (_ofBias is not null)
            {
                gradients.Add(_ofBias, SumTo(dy, new Shape(_dims.Out)));
            }

            IMatMulKernels kernels = dy.Backend.MatMul;
            if (_ofWeight is not null)
            {
                Tensor dWeight = gradients.Accumulator(_ofWeight, dy.Backend, out bool accumulate);
                kernels.LinearWeightGradient(_dims, _x!.View, dy.View, accumulate, dWeight.View);
            }

            if (_ofX is not null)
            {
                using PackedWeight packed = new(
                    dy.Backend, _weight!.Shape, _weight.DType, kernels.PackedGradientCount(_dims.Out, _dims.In));
                kernels.PackGradient(_dims.Out, _dims.In, _weight.View, packed.View);
                Tensor dx = new(dy.Backend, _xShape);
                kernels.LinearDataGradient(_dims, dy.View, packed.View, ViewOf(gradients.SumSoFar(_ofX)), dx.View);
                gradients.Replace(_ofX, dx);
            }
        }
    }

    /// <summary>
    /// With A = op(a) and B = op(b): dA = scale dy B^T and dB = scale A^T dy; an operand stored transposed has the
    /// transposed gradient, and one that the batch repeats the sum over its repetitions.
    /// </summary>
    private sealed class MatMulNode : BackwardNode
    {
        private readonly Tensor? _a, _b;
        private readonly Variable? _ofA, _ofB;
        private readonly Shape _shapeA, _shapeB;
        private readonly bool _transposeA, _transposeB;
        private readonly float _scale;

        public MatMulNode(Tensor a, Tensor b, bool transposeA, bool transposeB, float scale)
        {
            (_transposeA, _transposeB, _scale) = (transposeA, transposeB, scale);
            (_ofA, _ofB) = (a.Variable, b.Variable);
            (_shapeA, _shapeB) = (a.Shape, b.Shape);
            _a = _ofB is null ? null : Save(a);
            _b = _ofA is null ? null : Save(b);
        }

        public override void Run(Tensor dy, Gradients gradients)
        {
            if (_ofA is not null)
            {
                Tensor da = _transposeA
                    ? MatMul(_b!, dy, _transposeB, transposeB: true, _scale)
                    : MatMul(dy, _b!, transposeA: false, !_transposeB, _scale);
                gradients.Add(_ofA, SumTo(da, _shapeA));
            }

            if (_ofB is not null)
            {
                Tensor db = _transposeB
                    ? MatMul(dy, _a!, transposeA: true, _transposeA, _scale)
                    : MatMul(_a!, dy, !_transposeA, transposeB: false, _scale);
                gradients.Add(_ofB, SumTo(db, _shapeB));
            }
        }
    }
}
