using System;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class PointwiseTests
{
    public static TheoryData<PointwiseCase> EdgeCases => [.. PointwiseCases.Edges()];

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Agrees_with_the_definition(PointwiseCase call)
    {
        using Device device = Devices.Cpu(threads: 3);
        using TensorScope scope = TensorScope.Enter();
        float[] a = Draw.Uniform(call.A.Count, -1f, 8f), b = Draw.Uniform(call.B.Count, seed: 2);

        Tensor y = call.Run(Tensor.From(device, call.A, a), Tensor.From(device, call.B, b));

        Close.To(ReferencePointwise.Run(call, a, b, y.Shape), y.ToArray(), bound: 3e-7);
    }

    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.QuickGelu)]
    public void Activations_are_within_a_millionth_from_minus_12_to_12(Activation activation)
    {
        using Device device = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        float[] x = [.. Enumerable.Range(-12_000, 24_001).Select(i => i / 1000f)];

        float[] y = Ops.Activate(Tensor.From(device, new Shape(x.Length), x), activation).ToArray();

        double worst = x.Zip(y, (v, got) => Math.Abs(ReferencePointwise.Activate(activation, v) - got)).Max();
        Assert.True(worst <= 1e-6, $"worst absolute error {worst:e2}");
    }

    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.QuickGelu)]
    public void Activations_of_extreme_values_are_defined(Activation activation)
    {
        using Device device = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        float[] extremes = [float.NegativeInfinity, -3.4e38f, -3e4f, -104f, -0f, 0f, 1e-30f, 104f, 3e4f, 3.4e38f];

        // Once through the vectors, once through what is left over.
        float[] x = [.. extremes, .. extremes, .. extremes, float.PositiveInfinity, float.NaN];
        float[] y = Ops.Activate(Tensor.From(device, new Shape(x.Length), x), activation).ToArray();

        for (int i = 0; i < x.Length - 1; i++)
        {
            double expected = x[i] < -1e3f ? 0 : x[i] > 1e3f ? x[i] : ReferencePointwise.Activate(activation, x[i]);
            Assert.True(
                y[i] == expected || Math.Abs(y[i] - expected) <= 1e-6 * Math.Abs(expected) + 1e-30,
                $"{activation}({x[i]}) is {y[i]}");
        }

        Assert.True(float.IsNaN(y[^1]));
        Tensor undefined = Tensor.From(device, new Shape(16), Enumerable.Repeat(float.NaN, 16).ToArray());
        Assert.True(float.IsNaN(Ops.Activate(undefined, activation).ToArray()[3]));
    }

    [Fact]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] x = Draw.Uniform(100_003);
        float[] Run(int threads)
        {
            using Device device = Devices.Cpu(threads);
            using TensorScope scope = TensorScope.Enter();
            return Ops.Activate(Tensor.From(device, new Shape(x.Length), x), Activation.Gelu).ToArray();
        }

        Assert.Equal(Run(1), Run(5));
    }

    [Fact]
    public void A_combination_takes_eight_terms_and_adds_them_in_order()
    {
        using Device device = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        (float, Tensor)[] terms = [.. Enumerable.Range(0, 8).Select(
            t => (t - 3f, Tensor.From(device, new Shape(35), Draw.Uniform(35, seed: t))))];

        float[] y = Ops.LinearCombination(terms).ToArray();

        double[] expected = new double[35];
        foreach ((float factor, Tensor term) in terms)
        {
            float[] values = term.ToArray();
            for (int i = 0; i < 35; i++)
            {
                expected[i] += (double)factor * values[i];
            }
        }

        Close.To(expected, y, bound: 3e-7);
    }

    [Fact]
    public void Refusals_name_both_values()
    {
        using Device device = Devices.Cpu(threads: 1), other = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Tensor a = Tensor.Zeros(device, new Shape(2, 3));
        Tensor b = Tensor.Zeros(device, new Shape(2, 4));
        Tensor ids = Tensor.From(device, new Shape(2), [0, 1]);

        Assert.Equal(
            "Add: a [2, 3] and b [2, 4] do not broadcast; counted from the end, axis -1 has 3 against 4",
            Assert.Throws<ShapeException>(() => Ops.Add(a, b)).Message);
        Assert.Equal(
            "LinearCombination: term 1 is [2, 4], the first is [2, 3]",
            Assert.Throws<ShapeException>(() => Ops.LinearCombination((1f, a), (1f, b))).Message);
        Assert.Equal(
            "LinearCombination: takes one to eight terms, got 0",
            Assert.Throws<ShapeException>(() => Ops.LinearCombination()).Message);
        Assert.Equal(
            "Geglu: the last extent of x must be even, got [2, 3]",
            Assert.Throws<ShapeException>(() => Ops.Geglu(a)).Message);
        Assert.Equal(
            "Multiply: one input is on cpu, another on cpu; an op works on one device",
            Assert.Throws<DeviceException>(() => Ops.Multiply(a, Tensor.Zeros(other, new Shape(2, 3)))).Message);
        Assert.Equal(
            "Activate: inputs must be F32, got F16 [2, 3]; cast it first",
            Assert.Throws<ShapeException>(() => Ops.Activate(Ops.Cast(a, DType.F16), Activation.Silu)).Message);
        Assert.Equal(
            "Cast: integers are row indices and are not cast, got I32 [2] to F32",
            Assert.Throws<ShapeException>(() => Ops.Cast(ids, DType.F32)).Message);
    }
}
