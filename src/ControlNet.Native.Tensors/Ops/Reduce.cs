using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Sums, and what is made of them.</content>
public static partial class Ops
{
    /// <summary>The sum along one axis, which disappears from the shape.</summary>
    /// <exception cref="ShapeException">x has no such axis.</exception>
    public static Tensor Sum(Tensor x, int axis) => Sum(nameof(Sum), x, axis, mean: false);

    /// <summary>The mean along one axis, which disappears from the shape.</summary>
    /// <exception cref="ShapeException">x has no such axis.</exception>
    public static Tensor Mean(Tensor x, int axis) => Sum(nameof(Mean), x, axis, mean: true);

    /// <summary>The probabilities <c>exp(x) / sum(exp(x))</c> along one axis.</summary>
    /// <exception cref="ShapeException">x has no such axis.</exception>
    public static Tensor Softmax(Tensor x, int axis = -1)
    {
        Check(x, x);
        AxisDims d = AxisDims.Infer(nameof(Softmax), x.Shape, axis);
        Tensor y = new(x.Backend, x.Shape, x.DType);
        x.Backend.Reduce.Softmax(d, x.View, y.View);
        Tape.For(x)?.Add(new SoftmaxNode(d, x, y), y);
        return y;
    }

    /// <summary>The mean of the squared differences: the loss diffusion models are trained with.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="target">The shape of x.</param>
    /// <returns>A scalar, shape <c>[]</c>.</returns>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor MeanSquaredError(Tensor x, Tensor target)
    {
        if (x.Shape != target.Shape)
        {
            throw new ShapeException($"MeanSquaredError: x {x.Shape} and target {target.Shape} must have one shape");
        }

        CheckFloats(x, x);
        CheckFloats(x, target);
        Tensor y = new(x.Backend, new Shape([]));
        x.Backend.Reduce.SquaredError(1f / x.Shape.Count, x.View, target.View, y.View);
        Tape.For(x, target)?.Add(new SquaredErrorNode(1f / x.Shape.Count, x, target), y);
        return y;
    }

    /// <summary>
    /// The square root of the sum of all squares, summed in float64: what gradients are clipped by. The norm of several
    /// tensors is the norm of their norms.
    /// </summary>
    /// <returns>A scalar, shape <c>[]</c>.</returns>
    public static Tensor Norm(Tensor x)
    {
        CheckFloats(x, x);
        Tape.Refuse(nameof(Norm), "measure it outside of the tape", x);
        Tensor y = new(x.Backend, new Shape([]));
        x.Backend.Reduce.Norm(x.View, y.View);
        return y;
    }

    private static Tensor Sum(string op, Tensor x, int axis, bool mean)
    {
        Check(x, x, op);
        AxisDims d = AxisDims.Infer(op, x.Shape, axis);
        int at = axis < 0 ? axis + x.Shape.Rank : axis;
        System.Span<int> extents = stackalloc int[x.Shape.Rank - 1];
        for (int i = 0; i < extents.Length; i++)
        {
            extents[i] = x.Shape[i < at ? i : i + 1];
        }

        Tensor y = new(x.Backend, new Shape(extents), x.DType);
        float scale = mean ? 1f / d.Length : 1f;
        x.Backend.Reduce.Sum(d, scale, x.View, y.View);
        Tape.For(x)?.Add(new SumNode(d, scale, x), y);
        return y;
    }
}
