using System;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class Conv2dTests : IDisposable
{
    /// <summary>Largest error relative to the largest element; float32 accumulation in blocks.</summary>
    private const double Bound = 3e-6;

    private readonly Device _cpu = TestDevice.Open(2);

    public static TheoryData<Conv2dCase> Edges => [.. Conv2dCases.Edges()];

    public static TheoryData<Conv2dCase> Large => [.. Conv2dCases.Bands(), .. Conv2dCases.StableDiffusion15()];

    public void Dispose() => _cpu.Dispose();

    [Theory]
    [MemberData(nameof(Edges))]
    public void Is_its_definition(Conv2dCase c) => CheckCase(c);

    [Theory]
    [MemberData(nameof(Large))]
    public void Is_its_definition_at_full_size(Conv2dCase c) => CheckCase(c);

    [Theory]
    [InlineData(1, 4)]
    [InlineData(3, 300)]
    public void The_residual_may_be_the_result(int kernel, int channels)
    {
        Conv2dCase c = new(
            2, 6, 7, channels, 40, kernel, 1, Padding.All(kernel / 2), Activation: Activation.Silu, Bias: false,
            AddTensor: true);
        float[] x = RandomFloats.Uniform(2 * 6 * 7 * channels, 1), added = RandomFloats.Uniform(2 * 6 * 7 * 40, 3);
        float[] w = RandomFloats.Uniform(40 * channels * kernel * kernel, 2);
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackConv2d(
            Tensor.From(_cpu, new Shape(40, channels, kernel, kernel), w), DType.F32);
        Tensor input = Tensor.From(_cpu, new Shape(2, 6, 7, channels), x),
            y = Tensor.From(_cpu, new Shape(2, 6, 7, 40), added);
        _cpu.Backend.Conv2d.Forward(
            new Tensors.Contracts.Conv2dDims(2, 6, 7, channels, 40, kernel, 1, c.Padding, c.Activation),
            input.View, packed.View, default, default, y.View, y.View);
        RandomFloats.Check(i => ReferenceConv2d.At(c, 6, 7, x, w, null, null, added, i), y.ToArray(), Bound);
    }

    [Fact]
    public void Returns_the_padded_copy_to_the_pool()
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor x = Tensor.Zeros(_cpu, new Shape(1, 32, 32, 16));
        using PackedWeight packed = Ops.PackConv2d(Tensor.Zeros(_cpu, new Shape(16, 16, 3, 3)), DType.F32);
        long before = _cpu.BlocksInUse;
        Ops.Conv2d(x, packed, padding: Padding.All(1)).Dispose();
        Assert.Equal(before, _cpu.BlocksInUse);
    }

    [Fact]
    public void Refuses_what_does_not_fit()
    {
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackConv2d(Tensor.Zeros(_cpu, new Shape(4, 3, 3, 3)), DType.F32);
        Assert.Equal(
            "Conv2d: weight must be [O, 5, K, K] to match x [1, 8, 8, 5], got [4, 3, 3, 3]",
            Assert.Throws<ShapeException>(() => Ops.Conv2d(Tensor.Zeros(_cpu, new Shape(1, 8, 8, 5)), packed)).Message);
        Assert.Equal(
            "Conv2d: x [1, 2, 2, 3] padded by (0, 0, 0, 0) is smaller than the 3 x 3 kernel",
            Assert.Throws<ShapeException>(() => Ops.Conv2d(Tensor.Zeros(_cpu, new Shape(1, 2, 2, 3)), packed)).Message);
        Assert.Equal(
            "Conv2d: addRow must be [1, 4], one row for each image of x [1, 8, 8, 3], got [4]",
            Assert.Throws<ShapeException>(() => Ops.Conv2d(
                Tensor.Zeros(_cpu, new Shape(1, 8, 8, 3)), packed, addRow: Tensor.Zeros(_cpu, new Shape(4)))).Message);
    }

    private void CheckCase(Conv2dCase c)
    {
        Conv2dRun run = new(c);
        RandomFloats.Check(run.At, run.On(_cpu), Bound);
    }
}
