using System;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class PointwiseGradientTests
{
    /// <summary>A cast is its own gradient, in the other direction, and has no derivative to check.</summary>
    public static TheoryData<PointwiseCase> EdgeCases =>
        [.. PointwiseCases.Edges().Where(c => c.Call != PointwiseCall.Half)];

    public static TheoryData<Activation> Activations =>
        [.. Enum.GetValues<Activation>().Where(function => function != Activation.None)];

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Agrees_with_the_definition(PointwiseCase call)
    {
        float[] a = Draw.Uniform(call.A.Count, -6f, 6f), b = Draw.Uniform(call.B.Count, seed: 2);
        (float[] da, float[] db, Shape result, float[] dy) = Run(call, a, b, threads: 3);
        (double[] expectedA, double[] expectedB) = ReferencePointwise.Gradients(call, a, b, dy, result);

        // Beside 1, because a derivative may be 0 where dy is not.
        Close.To([.. expectedA, 1], [.. da, 1], bound: 5e-7);
        if (call.TakesTwo)
        {
            Close.To(expectedB, db, bound: 5e-7);
        }
    }

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Results_do_not_depend_on_the_number_of_threads(PointwiseCase call)
    {
        float[] a = Draw.Uniform(call.A.Count), b = Draw.Uniform(call.B.Count, seed: 2);
        (float[] da, float[] db, _, _) = Run(call, a, b, threads: 1);
        foreach (int threads in (int[])[2, 3, 8])
        {
            (float[] otherA, float[] otherB, _, _) = Run(call, a, b, threads);
            Assert.Equal(da, otherA);
            Assert.Equal(db, otherB);
        }
    }

    [Theory]
    [InlineData(PointwiseCall.Silu)]
    [InlineData(PointwiseCall.Gelu)]
    [InlineData(PointwiseCall.QuickGelu)]
    [InlineData(PointwiseCall.GeluTanh)]
    [InlineData(PointwiseCall.Sigmoid)]
    [InlineData(PointwiseCall.Relu)]
    [InlineData(PointwiseCall.Tanh)]
    [InlineData(PointwiseCall.Geglu)]
    [InlineData(PointwiseCall.Multiply)]
    [InlineData(PointwiseCall.Subtract)]
    public void The_definition_is_the_slope_of_the_forward_definition(PointwiseCall operation)
    {
        PointwiseCase call = new("slope", operation, new Shape(3, 6), new Shape(3, 1));
        float[] a = Draw.Uniform(18), b = Draw.Uniform(3, seed: 2);
        Shape result = operation == PointwiseCall.Geglu ? new Shape(3, 3) : new Shape(3, 6);
        float[] dy = Draw.Uniform(result.Count, seed: 3);
        (double[] da, double[] db) = ReferencePointwise.Gradients(call, a, b, dy, result);
        double Loss(float[] _) => CentralDifferences.Loss(ReferencePointwise.Run(call, a, b, result), dy);
        CentralDifferences.Check(Loss, a, da);
        if (call.TakesTwo)
        {
            CentralDifferences.Check(Loss, b, db);
        }
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void Derivatives_are_within_a_millionth_from_minus_12_to_12(Activation activation)
    {
        float[] x = [.. Enumerable.Range(-12_000, 24_001).Select(i => i / 1000f)];
        float[] dx = Derivatives(activation, x);
        double worst = x.Zip(dx, (v, got) => Math.Abs(ReferencePointwise.Derivative(activation, v) - got)).Max();
        Assert.True(worst <= 1e-6, $"worst absolute error {worst:e2}");
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void Derivatives_of_extreme_values_are_those_of_the_asymptotes(Activation activation)
    {
        float[] extremes =
            [float.NegativeInfinity, -3.4e38f, -3e4f, -120f, 120f, 3e4f, 3.4e38f, float.PositiveInfinity];

        // Once through the vectors, once through what is left over.
        float[] x = [.. extremes, .. extremes, .. extremes, float.NaN];
        float[] dx = Derivatives(activation, x);
        for (int i = 0; i < x.Length - 1; i++)
        {
            bool isLevel = x[i] < 0 || activation is Activation.Sigmoid or Activation.Tanh;
            Assert.Equal(isLevel ? 0f : 1f, dx[i], tolerance: 1e-30f);
        }

        Assert.True(float.IsNaN(dx[^1]));
        Assert.True(float.IsNaN(Derivatives(activation, [.. Enumerable.Repeat(float.NaN, 16)])[5]));
    }

    [Fact]
    public void Gradients_may_be_written_over_what_they_are_made_of()
    {
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        Shape shape = new(40, 1000);
        float[] values = Draw.Uniform(shape.Count), upstream = Draw.Uniform(shape.Count, seed: 2);
        float[] expected = Derivatives(Activation.Silu, values, upstream);
        Tensor x = Tensor.From(device, shape, values), dy = Tensor.From(device, shape, upstream);
        device.Backend.Pointwise.ActivateBackward(Activation.Silu, x.View, dy.View, dy.View);
        Assert.Equal(expected, dy.ToArray());

        Tensor half = Tensor.From(device, new Shape(40, 500), upstream.AsSpan(0, 20_000).ToArray());
        Tensor dx = new(device.Backend, shape);
        device.Backend.Pointwise.GegluBackward(40, 500, x.View, half.View, dx.View);
        device.Backend.Pointwise.GegluBackward(40, 500, x.View, half.View, x.View);
        Assert.Equal(dx.ToArray(), x.ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(37)]
    [InlineData(70_001)]
    public void Squared_errors_have_opposite_gradients(int count)
    {
        using Device device = TestDevice.Open(threads: 3);
        using TensorScope scope = TensorScope.Enter();
        Shape shape = new(count);
        float[] x = Draw.Uniform(count), t = Draw.Uniform(count, seed: 2);
        Tensor at = Tensor.From(device, shape, x), target = Tensor.From(device, shape, t);
        Tensor dy = Tensor.From(device, new Shape(1), [-3f]);
        Tensor dx = new(device.Backend, shape), dTarget = new(device.Backend, shape);

        device.Backend.Pointwise.SquaredErrorBackward(
            0.5f, at.View, target.View, dy.View, dx.View, dTarget.View);

        double[] expected = [.. x.Zip(t, (a, b) => -3.0 * ((double)a - b))];
        Close.To(expected, dx.ToArray(), bound: 3e-7);
        Assert.Equal(dx.ToArray().Select(v => -v), dTarget.ToArray());
        Tensor alone = new(device.Backend, shape);
        device.Backend.Pointwise.SquaredErrorBackward(
            0.5f, at.View, target.View, dy.View, alone.View, BufferView.None);
        Assert.Equal(dx.ToArray(), alone.ToArray());
    }

    /// <summary>da and db through the kernels, as a tape would combine them.</summary>
    private static (float[] DA, float[] DB, Shape Result, float[] DY) Run(
        PointwiseCase call, float[] a, float[] b, int threads)
    {
        using Device device = TestDevice.Open(threads);
        using TensorScope scope = TensorScope.Enter();
        Tensor atA = Tensor.From(device, call.A, a), atB = Tensor.From(device, call.B, b);
        Shape result = call.Run(atA, atB).Shape;
        float[] upstream = Draw.Uniform(result.Count, seed: 9);
        Tensor dy = Tensor.From(device, result, upstream);
        Tensor da = new(device.Backend, call.A), db = new(device.Backend, call.B);
        IPointwiseKernels kernels = device.Backend.Pointwise;
        if (call.Activation is { } function)
        {
            kernels.ActivateBackward(function, atA.View, dy.View, da.View);
        }
        else if (call.Call == PointwiseCall.Geglu)
        {
            kernels.GegluBackward(call.A.Count / call.A[-1], call.A[-1] / 2, atA.View, dy.View, da.View);
        }
        else if (call.Call == PointwiseCall.Combine)
        {
            kernels.LinearCombination([7.5f], [dy.View], da.View);
            kernels.LinearCombination([-6.5f], [dy.View], db.View);
        }
        else
        {
            Tensor towardsA = call.Call == PointwiseCall.Multiply ? Ops.Multiply(dy, atB) : dy;
            Tensor towardsB = call.Call == PointwiseCall.Multiply ? Ops.Multiply(dy, atA) : dy;
            SumToDims toA = SumToDims.Infer("Add", result, call.A), toB = SumToDims.Infer("Add", result, call.B);
            device.Backend.Reduce.SumTo(toA, 1, towardsA.View, da.View);
            device.Backend.Reduce.SumTo(
                toB, call.Call == PointwiseCall.Subtract ? -1 : 1, towardsB.View, db.View);
        }

        return (da.ToArray(), call.TakesTwo ? db.ToArray() : [], result, upstream);
    }

    private static float[] Derivatives(Activation activation, float[] x, float[]? dy = null)
    {
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        Shape shape = new(x.Length);
        Tensor at = Tensor.From(device, shape, x);
        Tensor upstream = Tensor.From(device, shape, dy ?? [.. Enumerable.Repeat(1f, x.Length)]);
        Tensor dx = new(device.Backend, shape);
        device.Backend.Pointwise.ActivateBackward(activation, at.View, upstream.View, dx.View);
        return dx.ToArray();
    }
}
