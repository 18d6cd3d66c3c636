using System;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class ReduceGradientTests
{
    public static TheoryData<ReduceCase> EdgeCases => [.. ReduceCases.Edges()];

    /// <summary>Every way in which axes of a sum and axes that stay can follow each other.</summary>
    public static TheoryData<int[], int[]> Sums => new()
    {
        { [5], [] }, { [7, 33], [33] }, { [7, 33], [7, 1] }, { [7, 33], [1] }, { [2, 3, 37], [3, 37] },
        { [2, 30, 37], [2, 1, 37] }, { [2, 3, 37], [2, 3, 1] }, { [3, 4, 5, 18], [3, 1, 5, 1] },
        { [3, 4, 5, 18], [1, 4, 1, 18] }, { [3, 4, 5, 18], [1, 4, 5, 1] }, { [3, 4, 5, 18], [18] },
        { [3, 4, 5, 18], [3, 4, 5, 18] }, { [1, 4, 1, 18], [4, 1, 1] }, { [4096, 40], [40] },
        { [300, 2100], [2100] }, { [2, 900, 70], [2, 1, 70] }, { [3, 0, 4], [4] }, { [3, 50_000], [3, 1] },
    };

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Agrees_with_the_definition(ReduceCase call)
    {
        float[] x = Draw.Uniform(call.X.Count, -4f, 6f);
        (float[] dx, float[] dy) = Run(call, x, threads: 3);
        double[] expected = ReferenceReduce.Gradient(call, x, dy);

        // The gradient of a single probability is 0; what is left of it is measured against dy.
        double scale = expected.Max(Math.Abs) < 1e-6 ? 1 : 0;
        Close.To([.. expected, scale], [.. dx, (float)scale], bound: 5e-7);
    }

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Results_do_not_depend_on_the_number_of_threads(ReduceCase call)
    {
        float[] x = Draw.Uniform(call.X.Count, -4f, 6f);
        (float[] one, _) = Run(call, x, threads: 1);
        foreach (int threads in (int[])[2, 3, 8])
        {
            Assert.Equal(one, Run(call, x, threads).DX);
        }
    }

    [Theory]
    [InlineData(ReduceCall.Sum, 0)]
    [InlineData(ReduceCall.Mean, 1)]
    [InlineData(ReduceCall.Softmax, 0)]
    [InlineData(ReduceCall.Softmax, 1)]
    public void The_definition_is_the_slope_of_the_forward_definition(ReduceCall operation, int axis)
    {
        ReduceCase call = new("slope", operation, new Shape(4, 5), axis);
        float[] x = Draw.Uniform(20);
        float[] dy = Draw.Uniform(operation == ReduceCall.Softmax ? 20 : axis == 0 ? 5 : 4, seed: 3);
        CentralDifferences.Check(
            _ => CentralDifferences.Loss(ReferenceReduce.Run(call, x), dy), x, ReferenceReduce.Gradient(call, x, dy));
    }

    [Theory]
    [MemberData(nameof(Sums))]
    public void A_broadcast_is_summed_back(int[] from, int[] to)
    {
        Shape x = new(from), y = new(to);
        float[] values = Draw.Uniform(x.Count, -1f, 3f);
        float[] actual = SumTo(x, y, values, threads: 3);

        // Adding y to x broadcasts y; its gradient is the sum in question.
        PointwiseCase add = new("sum", PointwiseCall.Add, x, y);
        (_, double[] expected) = ReferencePointwise.Gradients(
            add, new float[x.Count], new float[y.Count], values, x);
        Close.To([.. expected.Select(v => 0.5 * v)], actual, bound: 3e-7);
        foreach (int threads in (int[])[1, 2, 8])
        {
            Assert.Equal(actual, SumTo(x, y, values, threads));
        }
    }

    [Fact]
    public void What_does_not_broadcast_is_not_summed()
    {
        Assert.Equal(
            "Add: x [2, 3] cannot be summed to [2], which does not broadcast to it",
            Assert.Throws<ShapeException>(() => SumToDims.Infer("Add", new Shape(2, 3), new Shape(2))).Message);
        Assert.Equal(
            "Add: x [3] cannot be summed to [1, 3], which does not broadcast to it",
            Assert.Throws<ShapeException>(() => SumToDims.Infer("Add", new Shape(3), new Shape(1, 3))).Message);
    }

    /// <summary>A running float32 sum of ones would stop growing at 2^24.</summary>
    [Fact]
    public void Long_columns_keep_their_small_terms()
    {
        const int Rows = 40_000;
        float[] x = [.. Enumerable.Range(0, Rows * 2).Select(i => i < 2 ? 33_554_432f : 1f)];
        Assert.Equal(
            [16_777_216f + ((Rows - 1) / 2f), 16_777_216f + ((Rows - 1) / 2f)],
            SumTo(new Shape(Rows, 2), new Shape(2), x, threads: 2));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(100_003)]
    public void A_norm_is_the_root_of_the_squares(int count)
    {
        float[] x = Draw.Uniform(count);
        Close.To([Math.Sqrt(x.Sum(v => (double)v * v))], [Norm(x, 1)], bound: 1e-7);
        Assert.Equal(Norm(x, 1), Norm(x, 8));
    }

    [Fact]
    public void A_norm_survives_squares_that_overflow() => Assert.Equal(5e30f, Norm([3e30f, -4e30f], 1), 1e24f);

    private static float Norm(float[] x, int threads)
    {
        using Device device = TestDevice.Open(threads);
        using TensorScope scope = TensorScope.Enter();
        return Ops.Norm(Tensor.From(device, new Shape(x.Length), x)).ToArray()[0];
    }

    private static float[] SumTo(Shape x, Shape y, float[] values, int threads)
    {
        using Device device = TestDevice.Open(threads);
        using TensorScope scope = TensorScope.Enter();
        Tensor sum = new(device.Backend, y);
        device.Backend.Reduce.SumTo(
            SumToDims.Infer("SumTo", x, y), 0.5f, Tensor.From(device, x, values).View, sum.View);
        return sum.ToArray();
    }

    private static (float[] DX, float[] DY) Run(ReduceCase call, float[] x, int threads)
    {
        using Device device = TestDevice.Open(threads);
        using TensorScope scope = TensorScope.Enter();
        Tensor y = call.Run(Tensor.From(device, call.X, x));
        float[] upstream = Draw.Uniform(y.Shape.Count, seed: 9);
        Tensor dy = Tensor.From(device, y.Shape, upstream), dx = new(device.Backend, call.X);
        AxisDims d = AxisDims.Infer("Sum", call.X, call.Axis);
        if (call.Call == ReduceCall.Softmax)
        {
            device.Backend.Reduce.SoftmaxBackward(d, y.View, dy.View, dx.View);
            device.Backend.Reduce.SoftmaxBackward(d, y.View, dy.View, dy.View);
            Assert.Equal(dx.ToArray(), dy.ToArray());
        }
        else
        {
            float scale = call.Call == ReduceCall.Mean ? 1f / d.Length : 1f;
            device.Backend.Reduce.SumBackward(d, scale, dy.View, dx.View);
        }

        return (dx.ToArray(), upstream);
    }
}
