using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Tapes;

/// <summary>Recomputed segments: the same bits, less memory.</summary>
public sealed class RecomputeTests
{
    private const int Channels = 16;

    private const int Segments = 6;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public void Results_and_gradients_are_bit_identical_and_memory_is_less(int threads)
    {
        (float[][] kept, long most) = Run(recompute: false, threads);
        (float[][] again, long less) = Run(recompute: true, threads);
        Assert.Equal(kept, again);
        Assert.True(less < 0.7 * most, $"recomputing takes {less} bytes, keeping everything {most}");
        Assert.Equal(kept, Run(recompute: false, threads: 3).Values);
    }

    [Fact]
    public void A_segment_that_hands_an_input_back_passes_its_gradient()
    {
        using Device cpu = TestDevice.Open(1);
        using TensorScope scope = TensorScope.Enter();
        Tensor x = Tensor.From(cpu, new Shape(2), [1f, 2]).RequireGradient();
        using Tape tape = Tape.Record(recompute: true);
        Tensor y = Recompute.Run([x], i =>
        {
            Ops.Scale(i[0]!, 3f);
            return i[0]!;
        });
        using Gradients gradients = tape.Backward(Ops.Scale(y, 5f), Tensor.From(cpu, new Shape(2), [1f, 1]));
        Assert.Equal([5f, 5], gradients[x].ToArray());
    }

    [Fact]
    public void Without_a_wanted_gradient_nothing_is_kept()
    {
        using Device cpu = TestDevice.Open(1);
        using TensorScope scope = TensorScope.Enter();
        Tensor x = Tensor.From(cpu, new Shape(2), [1f, 2]);
        using Tape tape = Tape.Record(recompute: true);
        Assert.True(Recompute.IsOn);
        Assert.Null(Recompute.Run([x, null], i => Ops.Scale(i[0]!, 3f)).Variable);
    }

    /// <summary>Segments of convolution with a fused activation, norm, attention and a residual.</summary>
    private static (float[][] Values, long Peak) Run(bool recompute, int threads)
    {
        using Device cpu = TestDevice.Open(threads);
        float[][] values;
        using (TensorScope scope = TensorScope.Enter())
        {
            Tensor Random(int seed, params int[] extents) =>
                Tensor.From(cpu, new Shape(extents), RandomFloats.Uniform(new Shape(extents).Count, seed));
            Tensor x = Random(1, 1, 24, 24, Channels).RequireGradient();
            Tensor frozen = Ops.Scale(Random(2, Channels, Channels, 3, 3), 0.2f);
            Tensor[] weights =
            [
                .. Enumerable.Range(0, Segments).Select(
                    i => Ops.Scale(Random(10 + i, Channels, Channels, 3, 3), 0.2f).RequireGradient()),
            ];
            Tensor gamma = Random(3, Channels).RequireGradient(), beta = Random(4, Channels);
            using Tape tape = Tape.Record(recompute);
            Tensor h = x;
            foreach (Tensor weight in weights)
            {
                h = Recompute.Run([h], i =>
                {
                    using TensorScope inner = TensorScope.Enter();
                    Tensor y = Ops.GroupNorm(i[0]!, gamma, beta, 4, activation: Activation.Silu);
                    y = Ops.Conv2d(y, weight, padding: Padding.All(1), activation: Activation.Gelu);
                    y = Ops.Conv2d(y, frozen, padding: Padding.All(1), activation: Activation.Silu);
                    Tensor tokens = Ops.Activate(y.Reshape(1, 24 * 24, Channels), Activation.QuickGelu);
                    y = Ops.Attention(tokens, tokens, tokens, 2).Reshape(1, 24, 24, Channels);
                    return inner.Keep(Ops.Add(i[0]!, y));
                });
            }

            using Gradients gradients = tape.Backward(h, Random(5, 1, 24, 24, Channels));
            values =
            [
                h.ToArray(), gradients[x].ToArray(), gradients[gamma].ToArray(),
                .. weights.Select(w => gradients[w].ToArray()),
            ];
            Assert.Equal(2 + Segments, gradients.Count);
        }

        Assert.Equal(0, cpu.BlocksInUse);
        return (values, cpu.PeakBytesInUse);
    }
}
