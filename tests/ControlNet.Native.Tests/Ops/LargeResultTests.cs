using System;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

/// <summary>
/// A result too large for the cache is stored another way (<c>StreamingStores</c>); its rows have the bits of the same
/// rows in a small result.
/// </summary>
public sealed class LargeResultTests
{
    [Theory]
    [InlineData(5000, 1024)]
    [InlineData(20_000, 256)]
    public void Rows_of_a_large_softmax_are_those_of_a_small_one(int rows, int length) =>
        AssertSameRows(rows, length, length, static x => Ops.Softmax(x));

    [Theory]
    [InlineData(2200, 4160)]
    [InlineData(9000, 1056)]
    public void Rows_of_a_large_geglu_are_those_of_a_small_one(int rows, int columns) =>
        AssertSameRows(rows, columns, columns / 2, Ops.Geglu);

    private static void AssertSameRows(int rows, int width, int resultWidth, Func<Tensor, Tensor> run)
    {
        using Device cpu = Devices.Cpu(2);
        using TensorScope scope = TensorScope.Enter();
        float[] values = new float[rows * width];
        Random random = new(11);
        foreach (ref float value in values.AsSpan())
        {
            value = (random.NextSingle() * 8f) - 4f;
        }

        float[] large = run(Tensor.From(cpu, new Shape(rows, width), values)).ToArray();
        for (int row = 0; row < rows; row += 499)
        {
            Tensor alone = Tensor.From(cpu, new Shape(1, width), values.AsSpan(row * width, width));
            Assert.Equal(run(alone).ToArray(), large[(row * resultWidth)..((row + 1) * resultWidth)]);
        }
    }
}
