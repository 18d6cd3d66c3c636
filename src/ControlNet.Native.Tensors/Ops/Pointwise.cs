using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Element by element functions.</content>
public static partial class Ops
{
    /// <summary>a + b, broadcast from the last axis as NumPy does.</summary>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static Tensor Add(Tensor a, Tensor b) => Binary(nameof(Add), BinaryOperation.Add, a, b);

    /// <summary>a - b, broadcast from the last axis as NumPy does.</summary>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static Tensor Subtract(Tensor a, Tensor b) => Binary(nameof(Subtract), BinaryOperation.Subtract, a, b);

    /// <summary>a * b element by element, broadcast from the last axis as NumPy does.</summary>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static Tensor Multiply(Tensor a, Tensor b) => Binary(nameof(Multiply), BinaryOperation.Multiply, a, b);

    /// <summary>factor * x.</summary>
    public static Tensor Scale(Tensor x, float factor) => LinearCombination((factor, x));

    /// <summary>
    /// The sum of <c>Factor * Term</c> in one pass: guidance and every step of a sampler are calls of this.
    /// </summary>
    /// <param name="terms">One to eight tensors of one shape with their factors.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor LinearCombination(params ReadOnlySpan<(float Factor, Tensor Term)> terms)
    {
        if (terms.Length is 0 or > 8)
        {
            throw new ShapeException($"LinearCombination: takes one to eight terms, got {terms.Length}");
        }

        Tensor first = terms[0].Term;
        float[] factors = new float[terms.Length];
        BufferView[] views = new BufferView[terms.Length];
        for (int i = 0; i < terms.Length; i++)
        {
            Check(first, terms[i].Term);
            if (terms[i].Term.Shape != first.Shape)
            {
                throw new ShapeException(
                    $"LinearCombination: term {i} is {terms[i].Term.Shape}, the first is {first.Shape}");
            }

            (factors[i], views[i]) = (terms[i].Factor, terms[i].Term.View);
        }

        Tensor y = new(first.Backend, first.Shape, first.DType);
        first.Backend.Pointwise.LinearCombination(factors, views, y.View);
        RecordLinearCombination(terms, y);
        return y;
    }

    /// <summary>f(x) for each element.</summary>
    public static Tensor Activate(Tensor x, Activation activation)
    {
        Check(x, x);
        Tensor y = new(x.Backend, x.Shape, x.DType);
        x.Backend.Pointwise.Activate(activation, x.View, y.View);
        Tape.For(x)?.Add(new ActivateNode(activation, x), y);
        return y;
    }

    /// <summary>
    /// The gated GELU of a projection twice as wide: value times gelu(gate), the value in the first half.
    /// </summary>
    /// <param name="x">Rows of values and gates, <c>[..., 2 C]</c>.</param>
    /// <returns><c>[..., C]</c></returns>
    /// <exception cref="ShapeException">The last extent is odd.</exception>
    /// <remarks>Source: Shazeer, 2020, arXiv:2002.05202, with the exact GELU.</remarks>
    public static Tensor Geglu(Tensor x)
    {
        Check(x, x);
        if (x.Shape.Rank == 0 || x.Shape[-1] % 2 != 0)
        {
            throw new ShapeException($"Geglu: the last extent of x must be even, got {x.Shape}");
        }

        int columns = x.Shape[-1] / 2;
        Tensor y = new(x.Backend, x.Shape.WithLast(columns), x.DType);
        x.Backend.Pointwise.Geglu(columns == 0 ? 0 : y.Shape.Count / columns, columns, x.View, y.View);
        Tape.For(x)?.Add(new GegluNode(columns, x), y);
        return y;
    }

    /// <summary>The same values in another storage type; to 16 bits rounds to nearest, ties to even.</summary>
    public static Tensor Cast(Tensor x, DType type)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.DType == DType.I32 || type == DType.I32)
        {
            throw new ShapeException($"Cast: integers are row indices and are not cast, got {x} to {type.Name()}");
        }

        Tape.Refuse(nameof(Cast), "16 bits are for storing; compute in F32", x);
        Tensor y = new(x.Backend, x.Shape, type);
        x.Backend.Pointwise.Cast(x.View, y.View);
        return y;
    }

    private static Tensor Binary(string op, BinaryOperation operation, Tensor a, Tensor b)
    {
        Check(a, a, op);
        Check(a, b, op);
        BroadcastDims d = BroadcastDims.Infer(op, a.Shape, b.Shape, out Shape result);
        Tensor y = new(a.Backend, result, a.DType);
        a.Backend.Pointwise.Binary(operation, d, a.View, b.View, y.View);
        Tape.For(a, b)?.Add(new BinaryNode(operation, a, b), y);
        return y;
    }
}
