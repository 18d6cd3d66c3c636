using System;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

/// <summary>How work is cut depends on the size of the batch; the bytes of one of its members may not.</summary>
public sealed class BatchPositionTests
{
    private const int Batch = 3, Height = 13, Width = 17, Channels = 150;

    [Theory]
    [InlineData(DType.F32, 1, 40)]
    [InlineData(DType.F32, 3, 40)]
    [InlineData(DType.F16, 3, 40)]
    [InlineData(DType.F32, 3, 1024)]
    public void A_convolution_of_an_image_is_the_same_alone_and_in_a_batch(DType type, int kernel, int outputs)
    {
        using Device device = TestDevice.Open(2);
        using TensorScope scope = TensorScope.Enter();
        Tensor weight = Random(device, new Shape(outputs, Channels, kernel, kernel), 1);
        using PackedWeight packed = Ops.PackConv2d(weight, type);
        Check(
            Random(device, new Shape(Batch, Height, Width, Channels), 2),
            x => Ops.Conv2d(x, packed, padding: Padding.All(kernel / 2), activation: Activation.Silu));
    }

    [Theory]
    [InlineData(DType.F32, 77, 600, 77)]
    [InlineData(DType.F16, 77, 600, 40)]
    [InlineData(DType.F32, 1500, 64, 64)]
    [InlineData(DType.F32, 5, 1024, 1024)]
    public void A_linear_layer_of_an_image_is_the_same_alone_and_in_a_batch(
        DType type, int tokens, int inputs, int outputs)
    {
        using Device device = TestDevice.Open(2);
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackLinear(Random(device, new Shape(outputs, inputs), 1), type);
        Tensor bias = Random(device, new Shape(outputs), 2);
        Check(
            Random(device, new Shape(Batch, tokens, inputs), 3),
            x => Ops.Linear(x, packed, bias, Activation.Gelu));
    }

    private static void Check(Tensor x, Func<Tensor, Tensor> op)
    {
        float[] together = op(x).ToArray();
        int each = together.Length / Batch;
        for (int member = 0; member < Batch; member++)
        {
            Assert.True(
                together.AsSpan(member * each, each).SequenceEqual(op(x.Rows(member, 1)).ToArray()),
                $"member {member} of the batch differs from the same computed alone");
        }
    }

    private static Tensor Random(Device device, Shape shape, int seed) =>
        Tensor.From(device, shape, RandomFloats.Uniform(shape.Count, seed));
}
