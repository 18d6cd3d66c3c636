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
        using Device device = TestDevice.Open(threads: 3);
        using TensorScope scope = TensorScope.Enter();
        float[] a = Draw.Uniform(call.A.Count, -1f, 8f), b = Draw.Uniform(call.B.Count, seed: 2);

        Tensor y = call.Run(Tensor.From(device, call.A, a), Tensor.From(device, call.B, b));

        Close.To(ReferencePointwise.Run(call, a, b, y.Shape), y.ToArray(), bound: 3e-7);
    }

    /// <summary>
    /// Beside 12 the rounding of the quotient alone is 5e-7, and that of 1 + exp(-x) another 7e-7.
    /// </summary>
    [Theory]
    [InlineData(Activation.Silu, 1.2e-6)]
    [InlineData(Activation.Gelu, 9.5e-7)]
    [InlineData(Activation.QuickGelu, 1.2e-6)]
    [InlineData(Activation.GeluTanh, 1.2e-6)]
    [InlineData(Activation.Sigmoid, 5e-7)]
    [InlineData(Activation.Relu, 0)]
    [InlineData(Activation.Tanh, 5e-7)]
    public void Activations_are_within_a_millionth_or_so_from_minus_12_to_12(Activation activation, double bound)
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        float[] x = [.. Enumerable.Range(-12_000, 24_001).Select(i => i / 1000f)];

        float[] y = Ops.Activate(Tensor.From(device, new Shape(x.Length), x), activation).ToArray();

        double worst = x.Zip(y, (v, got) => Math.Abs(ReferencePointwise.Activate(activation, v) - got)).Max();
        Assert.True(worst <= bound, $"worst absolute error {worst:e2}");
    }

    /// <summary>Close to 0 and far from it, where an absolute bound says little.</summary>
    [Theory]
    [InlineData(Activation.Silu, -60.0, 3e-7, 1e-7)]
    [InlineData(Activation.QuickGelu, -35.0, 3e-7, 2e-7)]
    [InlineData(Activation.Gelu, -1.0, 6e-7, 0.0)]
    [InlineData(Activation.GeluTanh, -3.0, 3e-7, 5e-7)]
    [InlineData(Activation.Sigmoid, -60.0, 4e-7, 1e-7)]
    [InlineData(Activation.Tanh, -20.0, 5e-7, 0.0)]
    public void Activations_keep_their_relative_accuracy(
        Activation activation, double lowest, double relative, double perUnit)
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        float[] x = [.. Enumerable.Range(0, 40_000).Select(i => (float)(lowest + ((20 - lowest) * i / 40_000.0))),
            .. Enumerable.Range(1, 80).Select(i => MathF.Pow(0.5f, i)),
            .. Enumerable.Range(1, 80).Select(i => -MathF.Pow(0.5f, i))];

        float[] y = Ops.Activate(Tensor.From(device, new Shape(x.Length), x), activation).ToArray();

        for (int i = 0; i < x.Length; i++)
        {
            double expected = ReferencePointwise.Activate(activation, x[i]);
            double bound = (relative + (perUnit * Math.Abs(x[i]))) * Math.Abs(expected);
            Assert.True(Math.Abs(y[i] - expected) <= bound, $"{activation}({x[i]:g9}) is {y[i]:g9}, not {expected:g9}");
        }
    }

    /// <summary>The same element, alone, at the end and in the middle of a longer tensor.</summary>
    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.QuickGelu)]
    public void An_element_does_not_depend_on_its_place(Activation activation)
    {
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        float[] x = Draw.Uniform(77, -1f, 9f);
        float[] Run(float[] values)
        {
            Tensor t = Tensor.From(device, new Shape(values.Length), values);
            return Ops.LinearCombination((0.3f, Ops.Activate(t, activation)), (-1.7f, t)).ToArray();
        }

        float[] one = Run(x), two = Run([.. x, .. x]);

        Assert.Equal(one, two[..77]);
        Assert.Equal(one, two[77..]);
    }

    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.QuickGelu)]
    [InlineData(Activation.GeluTanh)]
    [InlineData(Activation.Sigmoid)]
    [InlineData(Activation.Relu)]
    [InlineData(Activation.Tanh)]
    public void Activations_of_extreme_values_are_defined(Activation activation)
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        float[] extremes = [float.NegativeInfinity, -3.4e38f, -3e4f, -104f, -0f, 0f, 1e-30f, 104f, 3e4f, 3.4e38f];

        // Once through the vectors, once through what is left over.
        float[] x = [.. extremes, .. extremes, .. extremes, float.PositiveInfinity, float.NaN];
        float[] y = Ops.Activate(Tensor.From(device, new Shape(x.Length), x), activation).ToArray();

        for (int i = 0; i < x.Length - 1; i++)
        {
            double expected = MathF.Abs(x[i]) <= 1e3f ? ReferencePointwise.Activate(activation, x[i])
                : activation == Activation.Tanh ? MathF.Sign(x[i])
                : activation == Activation.Sigmoid ? (x[i] > 0 ? 1 : 0)
                : MathF.Max(x[i], 0);
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
            using Device device = TestDevice.Open(threads);
            using TensorScope scope = TensorScope.Enter();
            return Ops.Activate(Tensor.From(device, new Shape(x.Length), x), Activation.Gelu).ToArray();
        }

        Assert.Equal(Run(1), Run(5));
    }

    [Fact]
    public void A_combination_takes_eight_terms_and_adds_them_in_order()
    {
        using Device device = TestDevice.Open(threads: 1);
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
        using Device device = TestDevice.Open(threads: 1), other = Devices.Cpu(threads: 1);
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
            $"Multiply: one input is on {device.Name}, another on cpu; an op works on one device",
            Assert.Throws<DeviceException>(() => Ops.Multiply(a, Tensor.Zeros(other, new Shape(2, 3)))).Message);
        Assert.EndsWith(
            ", got BF16 [2, 3]; cast it first",
            Assert.Throws<ShapeException>(() => Ops.Activate(Ops.Cast(a, DType.BF16), Activation.Silu)).Message);
        Assert.Equal(
            "Cast: integers are row indices and are not cast, got I32 [2] to F32",
            Assert.Throws<ShapeException>(() => Ops.Cast(ids, DType.F32)).Message);
    }
}
