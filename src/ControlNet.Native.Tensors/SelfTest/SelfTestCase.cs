using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// An operation of the self-test. Extents are odd where they may be, so that tiles have edges, and blocks of memory
/// stay below 64 KiB.
/// </summary>
/// <param name="Operation">What it is, in words.</param>
/// <param name="Limit">The most the result may differ from the CPU's, over its largest magnitude.</param>
/// <param name="Compute">Makes the result, which belongs to the scope around it.</param>
internal sealed record SelfTestCase(string Operation, double Limit, Func<SelfTestInputs, Tensor> Compute)
{
    /// <summary>
    /// Ten times what float32 in another order makes of these sums: a driver that is wrong is wrong by more.
    /// </summary>
    private const double SumLimit = 2e-5;

    /// <summary>
    /// A result in F16 is half a unit in the last place off, 2^-12 to 2^-11 of its magnitude; so are the weights of
    /// attention on tensor cores.
    /// </summary>
    private const double HalfLimit = 1e-3;

    /// <summary>The operations of a denoising step, the commonest first.</summary>
    public static SelfTestCase[] All { get; } =
    [
        new("a matrix product", SumLimit, x => Ops.MatMul(x.Numbers(2, 37, 70), x.Numbers(2, 70, 33))),
        new("a linear layer", SumLimit, x => Linear(x, DType.F32)),
        new("a linear layer with F16 weights", SumLimit, x => Linear(x, DType.F16)),
        new("a linear layer with BF16 weights", SumLimit, x => Linear(x, DType.BF16)),
        new("a linear layer with GEGLU", SumLimit, x => Gated(x, x.Numbers(9, 72), DType.F32)),
        new("a 3x3 convolution", SumLimit, x => Conv2d(x, stride: 1)),
        new("a 3x3 convolution of stride 2", SumLimit, x => Conv2d(x, stride: 2)),
        new("attention", SumLimit, x => Ops.Attention(
            x.Numbers(2, 19, 80), x.Numbers(2, 13, 80), x.Numbers(2, 13, 80), heads: 2)),
        new("a linear layer in F16", HalfLimit, HalfLinear),
        new("a linear layer with GEGLU in F16", HalfLimit, x => Ops.Cast(
            Gated(x, x.Halves(67, 72), DType.F16), DType.F32)),
        new("a 3x3 convolution in F16", HalfLimit, HalfConv2d),
        new("attention in F16", HalfLimit, x => Ops.Cast(
            Ops.Attention(x.Halves(2, 19, 80), x.Halves(2, 13, 80), x.Halves(2, 13, 80), heads: 2), DType.F32)),
        new("group norm with SiLU", SumLimit, x => Ops.GroupNorm(
            x.Numbers(2, 7, 5, 32), x.Numbers(32), x.Numbers(32), groups: 8, activation: Activation.Silu)),
        new("layer norm", SumLimit, x => Ops.LayerNorm(x.Numbers(5, 320), x.Numbers(320), x.Numbers(320))),
        new("softmax", SumLimit, x => Ops.Softmax(x.Numbers(7, 77))),
        new("GEGLU", SumLimit, x => Ops.Geglu(x.Numbers(5, 66))),
        new("quick GELU", SumLimit, x => Ops.Activate(x.Numbers(3, 85), Activation.QuickGelu)),
        new("a sum with broadcast", SumLimit, x => Ops.Add(x.Numbers(3, 5, 17), x.Numbers(17))),
        new("a linear combination", SumLimit, x => Ops.LinearCombination(
            (0.75f, x.Numbers(11, 13)), (-1.5f, x.Numbers(11, 13)))),
        new("upsampling and concatenation", SumLimit, x => Ops.Concat(
            -1, Ops.UpsampleNearest(x.Numbers(1, 3, 5, 7), 6, 10), x.Numbers(1, 6, 10, 3))),
        new("a permutation", SumLimit, x => Ops.ToChannelsFirst(x.Numbers(2, 5, 7, 9))),
    ];

    private static Tensor Linear(SelfTestInputs x, DType storage)
    {
        using PackedWeight weight = Ops.PackLinear(x.Numbers(40, 72), storage);
        return Ops.Linear(x.Numbers(9, 72), weight, x.Numbers(40), Activation.Gelu, addTensor: x.Numbers(9, 40));
    }

    private static Tensor Gated(SelfTestInputs x, Tensor of, DType storage)
    {
        using PackedWeight weight = Ops.PackLinear(x.Numbers(82, 72), storage);
        return Ops.LinearGeglu(of, weight, x.Numbers(82));
    }

    private static Tensor Conv2d(SelfTestInputs x, int stride)
    {
        using PackedWeight weight = Ops.PackConv2d(x.Numbers(24, 20, 3, 3), DType.F32);
        return Ops.Conv2d(
            x.Numbers(2, 9, 11, 20), weight, x.Numbers(24), stride, Padding.All(1), Activation.Silu,
            addRow: x.Numbers(2, 24));
    }

    /// <summary>Channels in eights, as kernels for tensor cores want them; so below.</summary>
    private static Tensor HalfLinear(SelfTestInputs x)
    {
        using PackedWeight weight = Ops.PackLinear(x.Numbers(40, 72), DType.F16);
        Tensor y = Ops.Linear(
            x.Halves(67, 72), weight, x.Numbers(40), Activation.Gelu, addTensor: x.Halves(67, 40));
        return Ops.Cast(y, DType.F32);
    }

    private static Tensor HalfConv2d(SelfTestInputs x)
    {
        using PackedWeight weight = Ops.PackConv2d(x.Numbers(40, 24, 3, 3), DType.F16);
        Tensor y = Ops.Conv2d(
            x.Halves(2, 9, 11, 24), weight, x.Numbers(40), stride: 1, Padding.All(1), Activation.Silu,
            addRow: x.Numbers(2, 40));
        return Ops.Cast(y, DType.F32);
    }
}
