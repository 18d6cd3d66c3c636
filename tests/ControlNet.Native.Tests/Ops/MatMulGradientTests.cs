using System;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class MatMulGradientTests : IDisposable
{
    /// <summary>Largest error relative to the largest element; float32 accumulation in blocks.</summary>
    private const double Bound = 3e-6;

    private readonly Device _cpu = TestDevice.Open(2);

    public static TheoryData<LinearCase> Edges => [.. MatMulCases.GradientEdges(), .. MatMulCases.Edges()];

    public static TheoryData<LinearCase> Training => [.. MatMulCases.Training()];

    public static TheoryData<ProductCase> Products => [.. MatMulCases.Products().Where(c => c.A.Rank == c.B.Rank)];

    public void Dispose() => _cpu.Dispose();

    [Theory]
    [MemberData(nameof(Edges))]
    public void Gradients_of_a_linear_layer_are_their_definitions(LinearCase c) => CheckLinear(c, accumulate: false);

    [Theory]
    [MemberData(nameof(Edges))]
    public void They_can_be_added_to_others(LinearCase c) => CheckLinear(c, accumulate: true);

    [Theory]
    [MemberData(nameof(Training))]
    public void They_are_their_definitions_at_full_size(LinearCase c) => CheckLinear(c, accumulate: false);

    /// <summary>The layer is linear in x and in w, so differences of any size give the derivative.</summary>
    [Fact]
    public void The_definitions_are_differences_of_the_layer()
    {
        const int Rows = 3, In = 5, Out = 4;
        float[] x = RandomFloats.Uniform(Rows * In, 1), w = RandomFloats.Uniform(Out * In, 2);
        float[] dy = RandomFloats.Uniform(Rows * Out, 3);
        double Loss(float[] x, float[] w) => Enumerable.Range(0, dy.Length).Sum(
            i => dy[i] * ReferenceMatMul.Linear(x, w, null, null, In, Out, Activation.None, i));
        float[] Moved(float[] values, int at, float step)
        {
            float[] moved = [.. values];
            moved[at] += step;
            return moved;
        }

        for (int at = 0; at < x.Length; at++)
        {
            float[] up = Moved(x, at, 1), down = Moved(x, at, -1);
            Assert.Equal(
                (Loss(up, w) - Loss(down, w)) / ((double)up[at] - down[at]),
                ReferenceMatMul.LinearDataGradient(dy, w, null, In, Out, at), 1e-9);
        }

        for (int at = 0; at < w.Length; at++)
        {
            float[] up = Moved(w, at, 1), down = Moved(w, at, -1);
            Assert.Equal(
                (Loss(x, up) - Loss(x, down)) / ((double)up[at] - down[at]),
                ReferenceMatMul.LinearWeightGradient(x, dy, null, Rows, In, Out, at), 1e-9);
        }
    }

    /// <summary>
    /// Gradients of scale * op(a) op(b) as products of the transposes at hand, against differences of its definition.
    /// </summary>
    [Theory]
    [MemberData(nameof(Products))]
    public void Gradients_of_a_product_are_products(ProductCase c)
    {
        float[] a = RandomFloats.Uniform(c.A.Count, 1), b = RandomFloats.Uniform(c.B.Count, 2);
        using TensorScope scope = TensorScope.Enter();
        Tensor left = Tensor.From(_cpu, c.A, a), right = Tensor.From(_cpu, c.B, b);
        Shape shape = Ops.MatMul(left, right, c.TransposeA, c.TransposeB).Shape;
        float[] gradient = RandomFloats.Uniform(shape.Count, 3);
        Tensor dy = Tensor.From(_cpu, shape, gradient);
        Tensor da = c.TransposeA
            ? Ops.MatMul(right, dy, c.TransposeB, true, c.Scale)
            : Ops.MatMul(dy, right, false, !c.TransposeB, c.Scale);
        Tensor db = c.TransposeB
            ? Ops.MatMul(dy, left, true, c.TransposeA, c.Scale)
            : Ops.MatMul(left, dy, !c.TransposeA, false, c.Scale);

        double Loss(float[] a, float[] b) => Enumerable.Range(0, gradient.Length).Sum(i => gradient[i]
            * ReferenceMatMul.Product(a, c.A, c.TransposeA, b, c.B, c.TransposeB, c.Scale, shape, i));
        double here = Loss(a, b);
        CheckDifferences(a, SumRepeated(da, c.A), values => Loss(values, b) - here);
        CheckDifferences(b, SumRepeated(db, c.B), values => Loss(a, values) - here);
    }

    [Fact]
    public void A_weight_of_16_bits_is_packed_without_another_rounding()
    {
        LinearCase c = new(20, 50, 70);
        float[] dy = RandomFloats.Uniform(c.Rows * c.Out, 3);
        foreach (DType type in (DType[])[DType.F16, DType.BF16])
        {
            using TensorScope scope = TensorScope.Enter();
            Tensor w = Tensor.From(
                _cpu, new Shape(c.Out, c.In), RandomFloats.Rounded(RandomFloats.Uniform(c.Out * c.In, 2), type));
            float[] wide = DataGradient(c, w, DType.F32, dy, null);
            Assert.Equal(wide, DataGradient(c, w, type, dy, null));
            Assert.Equal(wide, DataGradient(c, Ops.Cast(w, type), type, dy, null));
        }
    }

    [Fact]
    public void The_gradient_of_the_weight_is_the_same_to_the_last_bit_for_every_number_of_threads()
    {
        foreach (LinearCase c in (LinearCase[])[new(3000, 20, 33), new(700, 300, 100), new(2000, 9, 5)])
        {
            float[] x = RandomFloats.Uniform(c.Rows * c.In, 1), dy = RandomFloats.Uniform(c.Rows * c.Out, 3);
            using Device one = TestDevice.Open(1);
            float[] expected = WeightGradient(one, c, x, dy, null);
            foreach (int threads in (int[])[2, 3, 8])
            {
                using Device several = TestDevice.Open(threads);
                Assert.True(
                    expected.AsSpan().SequenceEqual(WeightGradient(several, c, x, dy, null)),
                    $"{c}: dWeight differs with {threads} threads");
            }
        }
    }

    /// <summary>The gradient of a bias is the sum over the rows, which the sums along an axis are.</summary>
    [Fact]
    public void The_gradient_of_the_bias_is_a_sum_over_rows()
    {
        using TensorScope scope = TensorScope.Enter();
        const int Rows = 8192, Out = 70;
        float[] dy = RandomFloats.Uniform(Rows * Out, 3);
        Tensor dBias = Ops.Sum(Tensor.From(_cpu, new Shape(Rows, Out), dy), 0);
        double[] expected = [.. Enumerable.Range(0, Out).Select(
            o => Enumerable.Range(0, Rows).Sum(row => (double)dy[(row * Out) + o]))];
        Close.To(expected, dBias.ToArray(), 1e-6);
    }

    /// <summary>A product is linear in each operand, so a step of 1 gives the derivative.</summary>
    private static void CheckDifferences(float[] values, float[] gradient, Func<float[], double> change)
    {
        int[] chosen = values.Length == 0 ? [] : [0, values.Length / 2, values.Length - 1];
        double[] expected = new double[chosen.Length];
        for (int i = 0; i < chosen.Length; i++)
        {
            float[] moved = [.. values];
            moved[chosen[i]] += 1;
            expected[i] = change(moved) / ((double)moved[chosen[i]] - values[chosen[i]]);
        }

        Assert.Equal(values.Length, gradient.Length);
        Close.To(expected, [.. chosen.Select(at => gradient[at])], 2e-5);
    }

    /// <summary>Sums over the members of the batch along which an operand was repeated.</summary>
    private static float[] SumRepeated(Tensor gradient, Shape operand)
    {
        for (int axis = 0; axis < operand.Rank - 2; axis++)
        {
            if (operand[axis] == 1 && gradient.Shape[axis] != 1)
            {
                int[] kept = [.. Enumerable.Range(0, operand.Rank).Select(i => i == axis ? 1 : gradient.Shape[i])];
                gradient = Ops.Sum(gradient, axis).Reshape(kept);
            }
        }

        return gradient.ToArray();
    }

    private void CheckLinear(LinearCase c, bool accumulate)
    {
        float[] x = RandomFloats.Uniform((long)c.Rows * c.In, 1), dy = RandomFloats.Uniform((long)c.Rows * c.Out, 3);
        float[] w = RandomFloats.Rounded(RandomFloats.Uniform((long)c.Out * c.In, 2), c.Weights);
        float[]? dx = accumulate ? RandomFloats.Uniform((long)c.Rows * c.In, 5) : null;
        float[]? before = accumulate ? RandomFloats.Uniform((long)c.Out * c.In, 6) : null;
        using TensorScope scope = TensorScope.Enter();
        Tensor weight = Tensor.From(_cpu, new Shape(c.Out, c.In), w);
        RandomFloats.Check(
            i => ReferenceMatMul.LinearDataGradient(dy, w, dx, c.In, c.Out, i),
            DataGradient(c, weight, c.Weights, dy, dx), Bound);
        RandomFloats.Check(
            i => ReferenceMatMul.LinearWeightGradient(x, dy, before, c.Rows, c.In, c.Out, i),
            WeightGradient(_cpu, c, x, dy, before), Bound);
    }

    /// <summary>A dx given to add to is also the result; else the result holds garbage before.</summary>
    private float[] DataGradient(LinearCase c, Tensor w, DType storage, float[] dy, float[]? added)
    {
        IMatMulKernels kernels = _cpu.Backend.MatMul;
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = new(_cpu.Backend, w.Shape, storage, kernels.PackedGradientCount(c.Out, c.In));
        kernels.PackGradient(c.Out, c.In, w.View, packed.View);
        Shape shape = new(c.Rows, c.In);
        Tensor dx = Tensor.From(_cpu, shape, added ?? Garbage(shape));
        kernels.LinearDataGradient(
            new LinearDims(c.Rows, c.In, c.Out, Activation.None), Tensor.From(_cpu, new Shape(c.Rows, c.Out), dy).View,
            packed.View, added is null ? default : dx.View, dx.View);
        return dx.ToArray();
    }

    private static float[] WeightGradient(Device cpu, LinearCase c, float[] x, float[] dy, float[]? before)
    {
        using TensorScope scope = TensorScope.Enter();
        Shape shape = new(c.Out, c.In);
        Tensor dWeight = Tensor.From(cpu, shape, before ?? Garbage(shape));
        cpu.Backend.MatMul.LinearWeightGradient(
            new LinearDims(c.Rows, c.In, c.Out, Activation.None), Tensor.From(cpu, new Shape(c.Rows, c.In), x).View,
            Tensor.From(cpu, new Shape(c.Rows, c.Out), dy).View, before is not null, dWeight.View);
        return dWeight.ToArray();
    }

    private static float[] Garbage(Shape shape) => [.. Enumerable.Repeat(float.NaN, (int)shape.Count)];
}
