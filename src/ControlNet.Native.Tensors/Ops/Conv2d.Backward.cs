using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Gradients of a convolution.</content>
public static partial class Ops
{
    private sealed class Conv2dNode : BackwardNode
    {
        private readonly Conv2dDims _dims;
        private readonly Tensor? _x, _weight;
        private readonly Shape _xShape;
        private readonly Variable? _ofX, _ofWeight, _ofBias, _ofRow, _ofAdded;

        public Conv2dNode(in Conv2dDims d, Tensor x, Tensor weight, Tensor? bias, Tensor? addRow, Tensor? addTensor)
        {
            (_dims, _xShape) = (d, x.Shape);
            (_ofX, _ofWeight, _ofBias) = (x.Variable, weight.Variable, bias?.Variable);
            (_ofRow, _ofAdded) = (addRow?.Variable, addTensor?.Variable);
            _x = _ofWeight is null ? null : Save(x);
            _weight = _ofX is null ? null : Save(weight);
        }

        public override void Run(Tensor dy, Gradients gradients)
        {
            Conv2dDims d = _dims with { Activation = Activation.None };
            gradients.Add(_ofAdded, dy);
            if (_ofBias is not null)
            {
                gradients.Add(_ofBias, SumTo(dy, new Shape(d.Out)));
            }

            if (_ofRow is not null)
            {
                Tensor pixels = dy.Reshape(d.Batch, d.OutHeight * d.OutWidth, d.Out);
                gradients.Add(_ofRow, SumTo(pixels, new Shape(d.Batch, 1, d.Out)));
            }

            IConv2dKernels kernels = dy.Backend.Conv2d;
            if (_ofWeight is not null)
            {
                Tensor dWeight = gradients.Accumulator(_ofWeight, dy.Backend, out bool accumulate);
                kernels.WeightGradient(d, _x!.View, dy.View, accumulate, dWeight.View);
            }

            if (_ofX is not null)
            {
                using PackedWeight packed = new(
                    dy.Backend, _weight!.Shape, _weight.DType,
                    kernels.PackedGradientCount(d.Out, d.In, d.Kernel, d.Stride));
                kernels.PackGradient(d.Out, d.In, d.Kernel, d.Stride, _weight.View, packed.View);
                Tensor dx = new(dy.Backend, _xShape);
                kernels.DataGradient(d, dy.View, packed.View, ViewOf(gradients.SumSoFar(_ofX)), dx.View);
                gradients.Replace(_ofX, dx);
            }
        }
    }
}
