using System;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

/// <summary>What operations say to activations in F16 that do not fit, or that the device does not have.</summary>
public sealed class HalfRefusalTests : IDisposable
{
    private readonly Device _device = TestDevice.Open(1);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void A_device_without_them_says_so()
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor x = Ops.Cast(Tensor.Zeros(_device, new Shape(2, 3)), DType.F16);
        if (_device.HasHalves())
        {
            _device.RequireActivations(DType.F16);
            Assert.Equal(
                "Softmax: inputs must be F32 or F16, got BF16 [2, 3]; cast it first",
                Refusal(() => Ops.Softmax(Ops.Cast(x, DType.BF16))));
            return;
        }

        Assert.Equal(
            "Softmax: inputs must be F32, got F16 [2, 3]; cast it first", Refusal(() => Ops.Softmax(x)));
        Assert.Equal(
            $"{_device.Name} does not compute with F16 activations; choose F32 with LoadOptions.Activations, or a GPU",
            Assert.Throws<DeviceException>(() => _device.RequireActivations(DType.F16)).Message);
        using PackedWeight packed = Ops.PackLinear(Tensor.Zeros(_device, new Shape(4, 3)), DType.F16);
        Assert.Equal(
            $"Linear: {_device.Name} gives no result in F16; choose F32, or F16 on a GPU",
            Refusal(() => Ops.Linear(Tensor.Zeros(_device, new Shape(2, 3)), packed, result: DType.F16)));
    }

    [Fact]
    public void No_device_computes_with_BF16() =>
        Assert.Equal(
            $"{_device.Name} does not compute with BF16 activations; choose F32, or F16 on a GPU",
            Assert.Throws<DeviceException>(() => _device.RequireActivations(DType.BF16)).Message);

    [Fact]
    public void Types_are_not_mixed()
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor floats = Tensor.Zeros(_device, new Shape(2, 3)), x = Ops.Cast(floats, DType.F16);
        Tensor row = Ops.Cast(Tensor.Zeros(_device, new Shape(3)), DType.F16);
        using PackedWeight packed = Ops.PackLinear(Tensor.Zeros(_device, new Shape(3, 3)), DType.F32);
        using PackedWeight halves = Ops.PackLinear(Tensor.Zeros(_device, new Shape(3, 3)), DType.F16);
        Assert.Equal(
            "Add: inputs must be of one type, got F16 [2, 3] and F32 [2, 3]; cast one of them",
            Refusal(() => Ops.Add(x, floats)));
        Assert.Equal(
            "Concat: inputs must be of one type, got F32 [2, 3] and F16 [2, 3]; cast one of them",
            Refusal(() => Ops.Concat(0, floats, x)));
        Assert.Equal(
            "Linear: activations in F16 take a weight in F16, got F32 [3, 3]; pack it so",
            Refusal(() => Ops.Linear(x, packed)));
        Assert.Equal(
            "Linear: bias must be F32, got F16 [3]; cast it first", Refusal(() => Ops.Linear(x, halves, row)));
        Assert.Equal(
            "Linear: addTensor must be F16 like the result, got F32 [2, 3]; cast it first",
            Refusal(() => Ops.Linear(x, halves, addTensor: floats)));
        Assert.Equal(
            "GroupNorm: gamma must be F32, got F16 [3]; cast it first",
            Refusal(() => Ops.LayerNorm(x, row, row)));
        Assert.Equal(
            "Norm: x must be F32, got F16 [2, 3]; cast it first", Refusal(() => Ops.Norm(x)));
    }

    [Fact]
    public void Training_is_F32()
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor x = Tensor.Zeros(_device, new Shape(2, 3)).RequireGradient(), half = Halves(2, 3);
        Tensor weight = Tensor.Zeros(_device, new Shape(3, 3)).RequireGradient();
        Tensor gamma = Tensor.Zeros(_device, new Shape(3)).RequireGradient();
        using Tape tape = Tape.Record();
        foreach (Action call in (Action[])[
            () => Ops.Cast(x, DType.F16), () => Ops.Linear(half, weight),
            () => Ops.Linear(x, Tensor.Zeros(_device, new Shape(3, 3)), result: DType.F16),
            () => Ops.LayerNorm(half, gamma, gamma)])
        {
            string message = Assert.Throws<TapeException>(call).Message;
            Assert.Contains("is wanted; ", message, StringComparison.Ordinal);
        }
    }

    private Tensor Halves(params int[] extents) => Ops.Cast(Tensor.Zeros(_device, new Shape(extents)), DType.F16);

    private static string Refusal(Func<Tensor> call) => Assert.Throws<ShapeException>(call).Message;
}
