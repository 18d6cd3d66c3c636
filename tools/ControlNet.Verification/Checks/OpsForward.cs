using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Verification.Checks;

/// <summary>
/// The golden operations in terms of this engine's. Images are NCHW there and channels-last here; permuting them is
/// exact.
/// </summary>
internal static class OpsForward
{
    /// <summary>
    /// Every output of one case by its name, laid out as the golden data has it, in the caller's scope. Weights are
    /// packed as for inference, unless a tape is open.
    /// </summary>
    public static IReadOnlyDictionary<string, Tensor> Compute(OpsCase call)
    {
        if (call.Op == "split")
        {
            return Split(call);
        }

        Tensor y = call.Op switch
        {
            "conv2d" => Conv2d(call),
            "linear" => Linear(call, call.In("x")),
            // "scale" says what the inputs were multiplied by; the product itself is plain.
            "matmul" => Ops.MatMul(call.In("a"), call.In("b"), call.Flag("transpose_a"), call.Flag("transpose_b")),
            "group_norm" => GroupNorm(call),
            "layer_norm" => LayerNorm(call),
            "silu" => Ops.Activate(call.In("x"), Activation.Silu),
            "gelu_erf" => Ops.Activate(call.In("x"), Activation.Gelu),
            "quick_gelu" => Ops.Activate(call.In("x"), Activation.QuickGelu),
            "gelu_tanh" => Ops.Activate(call.In("x"), Activation.GeluTanh),
            "sigmoid" => Ops.Activate(call.In("x"), Activation.Sigmoid),
            "relu" => Ops.Activate(call.In("x"), Activation.Relu),
            "tanh" => Ops.Activate(call.In("x"), Activation.Tanh),
            "geglu" => Ops.Geglu(call.In("x")),
            "linear+geglu" => LinearGeglu(call),
            "softmax" => Ops.Softmax(call.In("x"), call.Int("dim")),
            "attention" => Attention(call),
            "upsample_nearest" => Ops.ToChannelsFirst(
                Ops.UpsampleNearest(Ops.ToChannelsLast(call.In("x")), call.Int("out_h"), call.Int("out_w"))),
            "concat" => Ops.Concat(
                call.Int("dim"), [.. Enumerable.Range(0, call.InputCount).Select(i => call.In($"x{i}"))]),
            "reshape+permute" => Reorder(call),
            "add" => Ops.Add(call.In("a"), call.In("b")),
            "mul" => Ops.Multiply(call.In("a"), call.In("b")),
            "sub" => Ops.Subtract(call.In("a"), call.In("b")),
            "mse_loss" => MseLoss(call),
            "embedding" => Ops.GatherRows(call.In("w"), call.In("ids")),
            _ => throw new InvalidDataException($"the golden case {call.Name} wants '{call.Op}', which no check knows"),
        };
        return new Dictionary<string, Tensor> { ["y"] = y };
    }

    private static Tensor Conv2d(OpsCase call)
    {
        // The golden data pads in the order of torch.nn.functional.pad: left, right, top, bottom.
        int[] pad = call.Ints("pad");
        Padding padding = new(Top: pad[2], Bottom: pad[3], Left: pad[0], Right: pad[1]);
        Tensor x = Ops.ToChannelsLast(call.In("x")), weight = call.In("w");
        if (Tape.IsOpen)
        {
            return Ops.ToChannelsFirst(Ops.Conv2d(x, weight, call.Optional("b"), call.Int("stride"), padding));
        }

        using PackedWeight packed = Ops.PackConv2d(weight, DType.F32);
        return Ops.ToChannelsFirst(Ops.Conv2d(x, packed, call.Optional("b"), call.Int("stride"), padding));
    }

    private static Tensor Linear(OpsCase call, Tensor x)
    {
        Tensor weight = call.In("w");
        if (Tape.IsOpen)
        {
            return Ops.Linear(x, weight, call.Optional("b"));
        }

        using PackedWeight packed = Ops.PackLinear(weight, DType.F32);
        return Ops.Linear(x, packed, call.Optional("b"));
    }

    private static Tensor LinearGeglu(OpsCase call)
    {
        Tensor x = call.In("x"), weight = call.In("w");
        if (Tape.IsOpen)
        {
            return Ops.LinearGeglu(x, weight, call.Optional("b"));
        }

        using PackedWeight packed = Ops.PackLinear(weight, DType.F32);
        return Ops.LinearGeglu(x, packed, call.Optional("b"));
    }

    private static Tensor GroupNorm(OpsCase call)
    {
        Tensor x = call.In("x");
        int channels = x.Shape[1];
        Tensor image = x.Shape.Rank == 3 ? x.Reshape(x.Shape[0], channels, x.Shape[2], 1) : x;
        return Ops.ToChannelsFirst(Ops.GroupNorm(
            Ops.ToChannelsLast(image), call.Optional("w") ?? call.Filled(channels, 1f),
            call.Optional("b") ?? call.Filled(channels, 0f),
            call.Int("groups"), call.Float("eps")));
    }

    private static Tensor LayerNorm(OpsCase call)
    {
        Tensor x = call.In("x");
        int channels = x.Shape[-1];
        return Ops.LayerNorm(
            x, call.Optional("w") ?? call.Filled(channels, 1f), call.Optional("b") ?? call.Filled(channels, 0f),
            call.Float("eps"));
    }

    /// <summary>
    /// Heads are an axis in the golden data, <c>[B, H, S, D]</c>, and lie side by side in a row here.
    /// </summary>
    private static Tensor Attention(OpsCase call)
    {
        Tensor q = call.In("q");
        (int batch, int heads, int queries, int width) = (q.Shape[0], q.Shape[1], q.Shape[2], q.Shape[3]);
        Tensor Row(Tensor t) => Ops.Permute(t, 0, 2, 1, 3).Reshape(batch, t.Shape[2], heads * width);
        Tensor y = Ops.Attention(
            Row(q), Row(call.In("k")), Row(call.In("v")), heads, call.Float("scale"), call.Flag("causal"));
        return Ops.Permute(y.Reshape(batch, queries, heads, width), 0, 2, 1, 3);
    }

    private static Tensor Reorder(OpsCase call)
    {
        Tensor x = call.In("x");
        return call.Name == "heads"
            ? Ops.Permute(x.Reshape(x.Shape[0], x.Shape[1], call.Int("heads"), -1), 0, 2, 1, 3)
            : Ops.ToChannelsLast(x);
    }

    private static Dictionary<string, Tensor> Split(OpsCase call)
    {
        Tensor x = call.In("x");
        Dictionary<string, Tensor> parts = [];
        int start = 0;
        foreach (int size in call.Ints("sizes"))
        {
            parts[$"y{parts.Count}"] = Ops.Slice(x, call.Int("dim"), start, size);
            start += size;
        }

        return parts;
    }

    private static Tensor MseLoss(OpsCase call)
    {
        Tensor x = call.In("x"), target = call.In("t");
        if (call.Name == "mean")
        {
            return Ops.MeanSquaredError(x, target);
        }

        Tensor difference = Ops.Subtract(x, target);
        Tensor squares = Ops.Multiply(difference, difference);
        return call.Name switch
        {
            "none" => squares,
            "sum" => Ops.Sum(squares.Reshape(-1), 0),
            _ => Ops.Mean(Ops.Multiply(Ops.Mean(squares.Reshape(x.Shape[0], -1), 1), call.In("w")), 0),
        };
    }
}
