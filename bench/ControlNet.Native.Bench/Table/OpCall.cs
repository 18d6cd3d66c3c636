using System;
using System.Linq;
using System.Text.Json.Nodes;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench.Table;

/// <summary>One operation of the engine, from the words of a row.</summary>
internal static class OpCall
{
    private const int NormGroups = 32;

    /// <summary>Makes weights and inputs of random values.</summary>
    /// <param name="spec"><c>case</c> and the sizes that go with it.</param>
    /// <param name="device">Where.</param>
    public static TimedCall Make(JsonObject spec, Device device) => (string)spec["case"]! switch
    {
        "linear" => Linear(spec, device),
        "conv2d" => Conv2d(spec, device),
        "attention" => Attention(spec, device),
        "group_norm" => GroupNorm(spec, device),
        "layer_norm" => LayerNorm(spec, device),
        "geglu" => Pointwise(spec, device, Ops.Geglu),
        "softmax" => Pointwise(spec, device, x => Ops.Softmax(x)),
        "conv2d_dx" => GradientCall.ConvolutionInput(spec, device),
        "conv2d_dw" => GradientCall.ConvolutionWeight(spec, device),
        "linear_dw" => GradientCall.LinearWeight(spec, device),
        { } name => throw new InvalidOperationException($"no case '{name}'"),
    };

    private static TensorCall Linear(JsonObject spec, Device device)
    {
        int m = Size(spec, "m"), k = Size(spec, "k"), n = Size(spec, "n");
        Tensor x = HashNoise.Tensor(device, 1, m, k);
        using Tensor weight = HashNoise.Tensor(device, 2, n, k);
        PackedWeight packed = Ops.PackLinear(weight, DType.F32);
        return new TensorCall([x, packed], () => Ops.Linear(x, packed));
    }

    private static TensorCall Conv2d(JsonObject spec, Device device)
    {
        int channels = Size(spec, "in"), features = Size(spec, "out"), kernel = Size(spec, "kernel");
        int stride = Size(spec, "stride"), height = Size(spec, "height"), width = Size(spec, "width");
        Tensor x = HashNoise.Tensor(device, 1, Size(spec, "batch"), height, width, channels);
        Tensor bias = HashNoise.Tensor(device, 3, features);
        using Tensor weight = HashNoise.Tensor(device, 2, features, channels, kernel, kernel);
        Padding padding = Padding.All(kernel / 2);
        WeightGrowth growth = spec["growth"] is { } word ? Enum.Parse<WeightGrowth>((string)word!) : WeightGrowth.None;
        PackedWeight packed = Ops.PackConv2d(
            weight, DType.F32, new Conv2dUse(height, width, stride, padding, growth));
        return new TensorCall([x, bias, packed], () => Ops.Conv2d(x, packed, bias, stride, padding));
    }

    private static TensorCall Attention(JsonObject spec, Device device)
    {
        int batch = Size(spec, "batch"), heads = Size(spec, "heads"), channels = heads * Size(spec, "width");
        Tensor q = HashNoise.Tensor(device, 1, batch, Size(spec, "queries"), channels);
        Tensor k = HashNoise.Tensor(device, 2, batch, Size(spec, "keys"), channels);
        Tensor v = HashNoise.Tensor(device, 3, batch, Size(spec, "keys"), channels);
        return new TensorCall([q, k, v], () => Ops.Attention(q, k, v, heads));
    }

    private static TensorCall GroupNorm(JsonObject spec, Device device)
    {
        int[] extents = Extents(spec);
        Tensor x = HashNoise.Tensor(device, 1, extents);
        Tensor gamma = HashNoise.Tensor(device, 2, extents[^1]), beta = HashNoise.Tensor(device, 3, extents[^1]);
        return new TensorCall(
            [x, gamma, beta], () => Ops.GroupNorm(x, gamma, beta, NormGroups, activation: Activation.Silu));
    }

    private static TensorCall LayerNorm(JsonObject spec, Device device)
    {
        int[] extents = Extents(spec);
        Tensor x = HashNoise.Tensor(device, 1, extents);
        Tensor gamma = HashNoise.Tensor(device, 2, extents[^1]), beta = HashNoise.Tensor(device, 3, extents[^1]);
        return new TensorCall([x, gamma, beta], () => Ops.LayerNorm(x, gamma, beta));
    }

    private static TensorCall Pointwise(JsonObject spec, Device device, Func<Tensor, Tensor> run)
    {
        Tensor x = HashNoise.Tensor(device, 1, Extents(spec));
        return new TensorCall([x], () => run(x));
    }

    private static int Size(JsonObject spec, string name) => (int)spec[name]!;

    private static int[] Extents(JsonObject spec) => [.. spec["shape"]!.AsArray().Select(extent => (int)extent!)];
}
