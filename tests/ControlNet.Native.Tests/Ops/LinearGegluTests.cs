using System;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

/// <summary>A linear layer to values and gates with the gated GELU behind it, fused or not.</summary>
public sealed class LinearGegluTests : IDisposable
{
    /// <summary>Largest error relative to the largest element, as of a linear layer.</summary>
    private const double Bound = 3e-6;

    private readonly Device _device = TestDevice.Open(2);

    public static TheoryData<LinearCase> Cases => [.. MatMulCases.Geglu()];

    public void Dispose() => _device.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Is_its_definition(LinearCase c)
    {
        using TensorScope scope = TensorScope.Enter();
        (float[] x, float[] w, float[]? bias) = Inputs(c);
        using PackedWeight packed = Ops.PackLinear(Tensor.From(_device, new Shape(c.Out, c.In), w), c.Weights);
        Tensor y = Ops.LinearGeglu(Tensor.From(_device, new Shape(c.Rows, 1, c.In), x), packed, Bias(bias));

        Assert.Equal(new Shape(c.Rows, 1, c.Out / 2), y.Shape);
        RandomFloats.Check(i => ReferenceMatMul.LinearGeglu(x, w, bias, c.In, c.Out, i), y.ToArray(), Bound);
    }

    /// <summary>With a weight as checkpoints store it, and no tape, as with one that is packed.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void A_weight_need_not_be_packed(LinearCase c)
    {
        using TensorScope scope = TensorScope.Enter();
        (float[] x, float[] w, float[]? bias) = Inputs(c);
        Tensor weight = Ops.Cast(Tensor.From(_device, new Shape(c.Out, c.In), w), c.Weights);
        using PackedWeight packed = Ops.PackLinear(weight, c.Weights);
        Tensor input = Tensor.From(_device, new Shape(c.Rows, c.In), x);

        Assert.Equal(
            Ops.LinearGeglu(input, packed, Bias(bias)).ToArray(), Ops.LinearGeglu(input, weight, Bias(bias)).ToArray());
    }

    /// <summary>A segment that is computed again in backward is fused the first time, and not the second.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void In_float32_bits_are_those_of_its_parts(LinearCase c)
    {
        using TensorScope scope = TensorScope.Enter();
        (float[] x, float[] w, float[]? bias) = Inputs(c);
        using PackedWeight packed = Ops.PackLinear(Tensor.From(_device, new Shape(c.Out, c.In), w), c.Weights);
        Tensor input = Tensor.From(_device, new Shape(c.Rows, c.In), x);

        Assert.Equal(
            Ops.Geglu(Ops.Linear(input, packed, Bias(bias))).ToArray(),
            Ops.LinearGeglu(input, packed, Bias(bias)).ToArray());
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Is_its_definition_in_halves(LinearCase c)
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        c = c with { Weights = DType.F16 };
        (float[] x, float[] w, float[]? bias) = Inputs(c);
        using PackedWeight packed = Ops.PackLinear(Tensor.From(_device, new Shape(c.Out, c.In), w), DType.F16);
        foreach ((DType of, DType result) in ((DType, DType)[])[
            (DType.F16, DType.F16), (DType.F16, DType.F32), (DType.F32, DType.F16)])
        {
            Tensor y = Ops.LinearGeglu(
                HalfTensors.Tensor(_device, new Shape(c.Rows, c.In), x, of), packed, Bias(bias), result);

            Assert.Equal(result, y.DType);
            HalfTensors.Check(i => ReferenceMatMul.LinearGeglu(x, w, bias, c.In, c.Out, i), y.Floats());
        }
    }

    [Fact]
    public void Rows_are_the_same_alone_and_in_a_batch()
    {
        using TensorScope scope = TensorScope.Enter();
        (float[] x, float[] w, float[]? bias) = Inputs(new LinearCase(210, 64, 146, DType.F16));
        using PackedWeight packed = Ops.PackLinear(Tensor.From(_device, new Shape(146, 64), w), DType.F16);
        foreach (DType type in _device.HasHalves() ? (DType[])[DType.F32, DType.F16] : [DType.F32])
        {
            Tensor all = HalfTensors.Tensor(_device, new Shape(3, 70, 64), x, type);
            float[] together = Ops.LinearGeglu(all, packed, Bias(bias)).Floats();
            for (int member = 0; member < 3; member++)
            {
                float[] alone = Ops.LinearGeglu(all.Rows(member, 1), packed, Bias(bias)).Floats();
                Assert.Equal(alone, together[(member * alone.Length)..((member + 1) * alone.Length)]);
            }
        }
    }

    /// <summary>In F16 values and gates are sums in float32, never rounded to halves.</summary>
    [Fact]
    public void Values_beyond_the_largest_half_are_gated_before_they_are_stored()
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackLinear(Tensor.From(_device, new Shape(2, 1), [4f, 0.0000305f]), DType.F16);
        Tensor x = HalfTensors.Tensor(_device, new Shape(1, 1), [32_768f]);

        float expected = 131_072f * (float)ReferencePointwise.Gelu(32_768 * (double)(float)(Half)0.0000305f);

        Assert.Equal(65_504f, Ops.LinearGeglu(x, packed).Floats()[0]);
        Assert.Equal(expected, Ops.LinearGeglu(x, packed, result: DType.F32).ToArray()[0], expected * 1e-5f);
    }

    [Fact]
    public void Takes_less_memory_than_its_parts_where_it_is_fused()
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        (float[] x, float[] w, _) = Inputs(new LinearCase(4096, 32, 512));
        using PackedWeight packed = Ops.PackLinear(Tensor.From(_device, new Shape(512, 32), w), DType.F32);
        Tensor input = Tensor.From(_device, new Shape(4096, 32), x);
        long before = _device.Backend.PeakBytesInUse;

        Tensor y = Ops.LinearGeglu(input, packed);

        Assert.InRange(_device.Backend.PeakBytesInUse - before, 0, y.Shape.Count * sizeof(float));
    }

    [Fact]
    public void Refuses_what_does_not_fit()
    {
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackLinear(Tensor.Zeros(_device, new Shape(4, 3)), DType.F32);
        using PackedWeight odd = Ops.PackLinear(Tensor.Zeros(_device, new Shape(5, 3)), DType.F32);
        Tensor x = Tensor.Zeros(_device, new Shape(2, 3));
        Assert.Equal(
            "LinearGeglu: weight [4, 3] needs x [..., 3], got [2, 5]",
            Assert.Throws<ShapeException>(
                () => Ops.LinearGeglu(Tensor.Zeros(_device, new Shape(2, 5)), packed)).Message);
        Assert.Equal(
            "LinearGeglu: bias must be [4] to match weight [4, 3], got [2]",
            Assert.Throws<ShapeException>(
                () => Ops.LinearGeglu(x, packed, Tensor.Zeros(_device, new Shape(2)))).Message);
        Assert.Equal(
            "LinearGeglu: weight must have as many rows for values as for gates, got 5 in [5, 3]",
            Assert.Throws<ShapeException>(() => Ops.LinearGeglu(x, odd)).Message);
    }

    private Tensor? Bias(float[]? bias) => bias is null ? null : Tensor.From(_device, new Shape(bias.Length), bias);

    /// <summary>Exact in the type of the weight, x in F16.</summary>
    private static (float[] X, float[] W, float[]? Bias) Inputs(LinearCase c) =>
    (
        HalfTensors.Rounded(RandomFloats.Uniform((long)c.Rows * c.In, 1)),
        RandomFloats.Rounded(RandomFloats.Uniform((long)c.Out * c.In, 2), c.Weights),
        c.Bias ? RandomFloats.Uniform(c.Out, 3) : null
    );
}
