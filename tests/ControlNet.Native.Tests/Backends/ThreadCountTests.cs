using System;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

/// <summary>Work is cut by its size and shared out by chance; neither may show in the result.</summary>
public sealed class ThreadCountTests
{
    [Fact]
    public void Results_are_the_same_to_the_last_bit_for_every_number_of_threads()
    {
        float[] one = Compute(1);
        foreach (int threads in (int[])[2, 3, 7])
        {
            Assert.True(
                one.AsSpan().SequenceEqual(Compute(threads)), $"{threads} threads give another result than one");
        }
    }

    /// <summary>A convolution, a linear layer with 16-bit weights, attention and a product in a row.</summary>
    private static float[] Compute(int threads)
    {
        const int Channels = 48;
        using Device cpu = Devices.Cpu(threads);
        using TensorScope scope = TensorScope.Enter();
        Tensor Random(Shape shape, int seed) => Tensor.From(cpu, shape, RandomFloats.Uniform(shape.Count, seed));

        using PackedWeight kernel = Ops.PackConv2d(Random(new Shape(Channels, 150, 3, 3), 1), DType.F32);
        using PackedWeight linear = Ops.PackLinear(Random(new Shape(Channels, Channels), 2), DType.F16);
        Tensor x = Ops.Conv2d(
            Random(new Shape(2, 13, 17, 150), 3), kernel, Random(new Shape(Channels), 4), padding: Padding.All(1),
            activation: Activation.Silu);
        Tensor tokens = x.Reshape(2, 13 * 17, Channels);
        tokens = Ops.Linear(tokens, linear, addTensor: tokens);
        tokens = Ops.Attention(tokens, tokens, tokens, 3);
        return Ops.MatMul(tokens, tokens, transposeA: true).ToArray();
    }
}
