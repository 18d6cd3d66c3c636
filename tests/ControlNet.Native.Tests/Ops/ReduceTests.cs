using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class ReduceTests
{
    public static TheoryData<ReduceCase> EdgeCases => [.. ReduceCases.Edges()];

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Agrees_with_the_definition(ReduceCase call)
    {
        using Device device = TestDevice.Open(threads: 3);
        using TensorScope scope = TensorScope.Enter();
        float[] x = Draw.Uniform(call.X.Count, -4f, 6f);

        float[] y = call.Run(Tensor.From(device, call.X, x)).ToArray();

        Close.To(ReferenceReduce.Run(call, x), y, bound: 5e-7);
    }

    /// <summary>A running float32 sum would stop growing at 2^24.</summary>
    [Fact]
    public void Long_sums_keep_their_small_terms()
    {
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        float[] x = [16_777_216f, .. Enumerable.Repeat(1f, 99_999)];

        Assert.Equal([16_777_216f + 99_999f], Ops.Sum(Tensor.From(device, new Shape(x.Length), x), 0).ToArray());
    }

    [Theory]
    [InlineData(1, 19)]
    [InlineData(16, 19)]
    [InlineData(3, 40)]
    public void Softmax_masks_exactly_and_survives_any_offset(int inner, int length)
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        ReduceCase call = new("masked", ReduceCall.Softmax, new Shape(length, inner), 0);
        float[] x = Draw.Uniform(call.X.Count, 29_000f, 29_004f);
        for (int i = 0; i < x.Length; i += 3 * inner)
        {
            x[i] = float.NegativeInfinity;
        }

        float[] y = call.Run(Tensor.From(device, call.X, x)).ToArray();

        Close.To(ReferenceReduce.Run(call, x), y, bound: 5e-7);
        Assert.All(
            Enumerable.Range(0, x.Length).Where(i => float.IsNegativeInfinity(x[i])), i => Assert.Equal(0f, y[i]));
    }

    [Fact]
    public void Mean_squared_error_is_a_scalar()
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        float[] x = Draw.Uniform(60), t = Draw.Uniform(60, seed: 5);

        Tensor loss = Ops.MeanSquaredError(
            Tensor.From(device, new Shape(3, 4, 5), x), Tensor.From(device, new Shape(3, 4, 5), t));

        Assert.Equal(0, loss.Shape.Rank);
        Close.To([x.Zip(t, (a, b) => ((double)a - b) * ((double)a - b)).Average()], loss.ToArray(), bound: 3e-7);
    }

    [Fact]
    public void Refusals_name_both_values()
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Tensor x = Tensor.Zeros(device, new Shape(2, 3));

        Assert.Equal(
            "Sum: axis 2 does not exist in x [2, 3]", Assert.Throws<ShapeException>(() => Ops.Sum(x, 2)).Message);
        Assert.Equal(
            "Mean: axis -3 does not exist in x [2, 3]", Assert.Throws<ShapeException>(() => Ops.Mean(x, -3)).Message);
        Assert.Equal(
            "Softmax: axis 5 does not exist in x [2, 3]",
            Assert.Throws<ShapeException>(() => Ops.Softmax(x, 5)).Message);
        Assert.Equal(
            "MeanSquaredError: x [2, 3] and target [3, 2] must have one shape",
            Assert.Throws<ShapeException>(() => Ops.MeanSquaredError(x, x.Reshape(3, 2))).Message);
    }
}
