using System;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class MatMulTests : IDisposable
{
    /// <summary>Largest error relative to the largest element; float32 accumulation in blocks.</summary>
    private const double Bound = 3e-6;

    private readonly Device _cpu = TestDevice.Open(2);

    public static TheoryData<LinearCase> Edges => [.. MatMulCases.Edges()];

    public static TheoryData<LinearCase> StableDiffusion15 => [.. MatMulCases.StableDiffusion15()];

    public static TheoryData<ProductCase> Products => [.. MatMulCases.Products()];

    public void Dispose() => _cpu.Dispose();

    [Theory]
    [MemberData(nameof(Edges))]
    public void Linear_is_its_definition(LinearCase c) => CheckLinear(c);

    [Theory]
    [MemberData(nameof(StableDiffusion15))]
    public void Linear_is_its_definition_at_full_size(LinearCase c) => CheckLinear(c);

    [Theory]
    [MemberData(nameof(Products))]
    public void Product_is_its_definition(ProductCase c)
    {
        float[] a = RandomFloats.Uniform(c.A.Count, 1), b = RandomFloats.Uniform(c.B.Count, 2);
        using TensorScope scope = TensorScope.Enter();
        Tensor y = Ops.MatMul(
            Tensor.From(_cpu, c.A, a), Tensor.From(_cpu, c.B, b), c.TransposeA, c.TransposeB, c.Scale);
        RandomFloats.Check(
            i => ReferenceMatMul.Product(a, c.A, c.TransposeA, b, c.B, c.TransposeB, c.Scale, y.Shape, i), y.ToArray(),
            Bound);
    }

    [Theory]
    [InlineData(DType.F32, DType.F16)]
    [InlineData(DType.F16, DType.F32)]
    [InlineData(DType.F16, DType.F16)]
    [InlineData(DType.F16, DType.BF16)]
    [InlineData(DType.BF16, DType.F16)]
    [InlineData(DType.BF16, DType.F32)]
    public void Weights_are_packed_from_any_type_into_any_type(DType stored, DType packedType)
    {
        using TensorScope scope = TensorScope.Enter();
        float[] w = RandomFloats.Uniform(45 * 70, 2), x = RandomFloats.Uniform(9 * 70, 1);
        Tensor weight = Ops.Cast(Tensor.From(_cpu, new Shape(45, 70), w), stored);
        using PackedWeight packed = Ops.PackLinear(weight, packedType);
        Tensor y = Ops.Linear(Tensor.From(_cpu, new Shape(9, 70), x), packed);

        float[] kept = RandomFloats.Rounded(RandomFloats.Rounded(w, stored), packedType);
        RandomFloats.Check(
            i => ReferenceMatMul.Linear(x, kept, null, null, 70, 45, Activation.None, i), y.ToArray(), Bound);
    }

    [Fact]
    public void Half_weights_keep_denormals_exactly()
    {
        using TensorScope scope = TensorScope.Enter();
        float[] w = new float[33];
        for (int i = 0; i < w.Length; i++)
        {
            w[i] = i * MathF.ScaleB(1, -24);
        }

        Tensor weight = Tensor.From(_cpu, new Shape(33, 1), w);
        using PackedWeight packed = Ops.PackLinear(weight, DType.F16);
        Assert.Equal(w, Ops.Linear(Tensor.From(_cpu, new Shape(1, 1), [1f]), packed).ToArray());
    }

    [Theory]
    [InlineData(Activation.None, 50)]
    [InlineData(Activation.Silu, 900)]
    public void The_residual_may_be_the_result(Activation activation, int inputs)
    {
        using TensorScope scope = TensorScope.Enter();
        float[] x = RandomFloats.Uniform(20 * inputs, 1), w = RandomFloats.Uniform(40 * inputs, 2),
            added = RandomFloats.Uniform(20 * 40, 3);
        using PackedWeight packed = Ops.PackLinear(Tensor.From(_cpu, new Shape(40, inputs), w), DType.F32);
        Tensor input = Tensor.From(_cpu, new Shape(20, inputs), x), y = Tensor.From(_cpu, new Shape(20, 40), added);
        _cpu.Backend.MatMul.Linear(
            new Tensors.Contracts.LinearDims(20, inputs, 40, activation), input.View, packed.View, default, y.View,
            y.View);
        RandomFloats.Check(
            i => ReferenceMatMul.Linear(x, w, null, added, inputs, 40, activation, i), y.ToArray(), Bound);
    }

    [Fact]
    public void Refuses_what_does_not_fit()
    {
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackLinear(Tensor.Zeros(_cpu, new Shape(4, 3)), DType.F32);
        Assert.Equal(
            "Linear: weight [4, 3] needs x [..., 3], got [2, 5]",
            Assert.Throws<ShapeException>(() => Ops.Linear(Tensor.Zeros(_cpu, new Shape(2, 5)), packed)).Message);
        Assert.Equal(
            "Linear: bias must be [4] to match weight [4, 3], got [3]",
            Assert.Throws<ShapeException>(
                () => Ops.Linear(
                    Tensor.Zeros(_cpu, new Shape(2, 3)), packed, Tensor.Zeros(_cpu, new Shape(3)))).Message);
        Assert.Equal(
            "MatMul: the inner extents differ, 3 of a [2, 3] against 4 of b [5, 4] transposed",
            Assert.Throws<ShapeException>(
                () => Ops.MatMul(
                    Tensor.Zeros(_cpu, new Shape(2, 3)),
                    Tensor.Zeros(_cpu, new Shape(5, 4)), transposeB: true)).Message);
        Assert.Equal(
            "MatMul: the leading axes of a [2, 1, 1] and b [3, 1, 1] do not broadcast",
            Assert.Throws<ShapeException>(
                () => Ops.MatMul(
                    Tensor.Zeros(_cpu, new Shape(2, 1, 1)), Tensor.Zeros(_cpu, new Shape(3, 1, 1)))).Message);
    }

    private void CheckLinear(LinearCase c)
    {
        float[] x = RandomFloats.Uniform((long)c.Rows * c.In, 1);
        float[] w = RandomFloats.Rounded(RandomFloats.Uniform((long)c.Out * c.In, 2), c.Weights);
        float[]? bias = c.Bias ? RandomFloats.Uniform(c.Out, 3) : null;
        float[]? added = c.AddTensor ? RandomFloats.Uniform((long)c.Rows * c.Out, 4) : null;

        using TensorScope scope = TensorScope.Enter();
        Tensor weight = Tensor.From(_cpu, new Shape(c.Out, c.In), w);
        using PackedWeight packed = Ops.PackLinear(weight, c.Weights);
        Tensor y = Ops.Linear(
            Tensor.From(_cpu, new Shape(c.Rows, c.In), x), packed,
            bias is null ? null : Tensor.From(_cpu, new Shape(c.Out), bias), c.Activation,
            added is null ? null : Tensor.From(_cpu, new Shape(c.Rows, c.Out), added));

        Assert.Equal(new Shape(c.Rows, c.Out), y.Shape);
        RandomFloats.Check(
            i => ReferenceMatMul.Linear(x, w, bias, added, c.In, c.Out, c.Activation, i), y.ToArray(), Bound);
    }
}
