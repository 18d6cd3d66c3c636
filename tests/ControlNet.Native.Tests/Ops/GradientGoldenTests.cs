using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

/// <summary>Kernels against the float64 gradients of the golden operations, with the limits of each tensor.</summary>
public sealed class GradientGoldenTests
{
    /// <summary>Families and the number of gradients compared; <c>geglu/proj</c> is a product.</summary>
    public static TheoryData<string, int> Families => new()
    {
        { "group_norm", 34 }, { "layer_norm", 22 }, { "activations", 21 }, { "geglu", 1 }, { "softmax", 10 },
        { "attention", 33 }, { "upsample_nearest", 7 }, { "broadcast", 42 }, { "mse_loss", 4 }, { "embedding", 2 },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void Golden_gradients_are_within_their_limits(string family, int count)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Repository.Golden("ops", $"{family}.json")));
        GoldenTensors golden = new(Repository.Golden("ops", $"{family}.safetensors"));
        using Device device = TestDevice.Open(threads: 2);
        int compared = 0;
        foreach (JsonElement entry in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            using TensorScope scope = TensorScope.Enter();
            Entry call = new(device, golden, entry);
            foreach ((string input, float[] actual) in Gradients(call))
            {
                JsonElement limits = entry.GetProperty("grads").GetProperty(input).GetProperty("err_f32_vs_f64");
                JsonElement rms = limits.GetProperty("rms_tol");
                GoldenLimits.Check(
                    $"{family}/{call.Name}/{input}", golden[$"{call.Name}/grad64.{input}"].Reals(), actual,
                    limits.GetProperty("atol").GetDouble(),
                    rms.ValueKind == JsonValueKind.Number ? rms.GetDouble() : null);
                compared++;
            }
        }

        Assert.Equal(count, compared);
    }

    private static Dictionary<string, float[]> Gradients(Entry call) => call.Op switch
    {
        "group_norm" => GroupNorm(call),
        "layer_norm" => Norm(
            call, call.In("x"), call.Upstream, t => t,
            x => GroupNormDims.InferRows(x, new Shape(x[-1]), new Shape(x[-1]), call.Float("eps"))),
        "silu" => Activate(call, Activation.Silu),
        "gelu_erf" => Activate(call, Activation.Gelu),
        "quick_gelu" => Activate(call, Activation.QuickGelu),
        "gelu_tanh" => Activate(call, Activation.GeluTanh),
        "sigmoid" => Activate(call, Activation.Sigmoid),
        "relu" => Activate(call, Activation.Relu),
        "tanh" => Activate(call, Activation.Tanh),
        "geglu" => Geglu(call),
        "softmax" => Softmax(call),
        "attention" => Attention(call),
        "upsample_nearest" => Upsample(call),
        "add" or "sub" or "mul" => Broadcast(call),
        "mse_loss" when call.Name is "mean" or "sum" => SquaredError(call),
        "embedding" => Embedding(call),
        _ => [],
    };

    private static Dictionary<string, float[]> GroupNorm(Entry call)
    {
        Tensor x = call.In("x"), dy = call.Upstream;
        int[] image = [x.Shape[0], x.Shape[1], x.Shape[2], x.Shape.Rank == 3 ? 1 : x.Shape[3]];
        Shape channels = new(x.Shape[1]);
        return Norm(
            call, Ops.ToChannelsLast(x.Reshape(image)), Ops.ToChannelsLast(dy.Reshape(image)), Ops.ToChannelsFirst,
            shape => GroupNormDims.Infer(
                shape, channels, channels, call.Int("groups"), call.Float("eps"), Activation.None));
    }

    private static Dictionary<string, float[]> Norm(
        Entry call, Tensor x, Tensor dy, Func<Tensor, Tensor> layout, Func<Shape, GroupNormDims> dims)
    {
        int channels = x.Shape[-1];
        Tensor gamma = call.Has("w") ? call.In("w") : call.Filled(channels, 1);
        Tensor beta = call.Has("b") ? call.In("b") : call.Filled(channels, 0);
        Tensor dx = call.New(x.Shape), dGamma = call.New(gamma.Shape), dBeta = call.New(gamma.Shape);
        x.Backend.GroupNorm.Backward(
            dims(x.Shape), x.View, gamma.View, beta.View, dy.View, dx.View,
            call.Has("w") ? dGamma.View : BufferView.None, call.Has("b") ? dBeta.View : BufferView.None);
        Dictionary<string, float[]> results = new() { ["x"] = layout(dx).ToArray() };
        if (call.Has("w"))
        {
            results["w"] = dGamma.ToArray();
        }

        if (call.Has("b"))
        {
            results["b"] = dBeta.ToArray();
        }

        return results;
    }

    private static Dictionary<string, float[]> Activate(Entry call, Activation activation)
    {
        Tensor x = call.In("x"), dx = call.New(x.Shape);
        x.Backend.Pointwise.ActivateBackward(activation, x.View, call.Upstream.View, dx.View);
        return new() { ["x"] = dx.ToArray() };
    }

    private static Dictionary<string, float[]> Geglu(Entry call)
    {
        Tensor x = call.In("x"), dx = call.New(x.Shape);
        int columns = x.Shape[-1] / 2;
        x.Backend.Pointwise.GegluBackward(x.Shape.Count / 2 / columns, columns, x.View, call.Upstream.View, dx.View);
        return new() { ["x"] = dx.ToArray() };
    }

    private static Dictionary<string, float[]> Softmax(Entry call)
    {
        Tensor x = call.In("x"), y = Ops.Softmax(x, call.Int("dim")), dx = call.New(x.Shape);
        x.Backend.Reduce.SoftmaxBackward(
            AxisDims.Infer("Softmax", x.Shape, call.Int("dim")), y.View, call.Upstream.View, dx.View);
        return new() { ["x"] = dx.ToArray() };
    }

    /// <summary>
    /// Heads are an axis in the golden data, <c>[B, H, S, D]</c>, and lie side by side in a row here.
    /// </summary>
    private static Dictionary<string, float[]> Attention(Entry call)
    {
        int heads = call.In("q").Shape[1];
        Tensor Row(Tensor t) =>
            Ops.Permute(t, 0, 2, 1, 3).Reshape(t.Shape[0], t.Shape[2], heads * t.Shape[3]);
        float[] Back(Tensor t) =>
            Ops.Permute(t.Reshape(t.Shape[0], t.Shape[1], heads, -1), 0, 2, 1, 3).ToArray();
        Tensor q = Row(call.In("q")), k = Row(call.In("k")), v = Row(call.In("v")), dy = Row(call.Upstream);
        Tensor y = call.New(q.Shape), sums = call.New(new Shape(q.Shape[0], heads, 2, q.Shape[1]));
        Tensor dq = call.New(q.Shape), dk = call.New(k.Shape), dv = call.New(k.Shape);
        AttentionDims d = AttentionDims.Infer(
            q.Shape, k.Shape, v.Shape, heads, call.Float("scale"), call.Flag("causal"));
        q.Backend.Attention.Forward(d, q.View, k.View, v.View, y.View, sums.View);
        q.Backend.Attention.Backward(
            d, q.View, k.View, v.View, y.View, sums.View, dy.View, dq.View, dk.View, dv.View);
        return new() { ["q"] = Back(dq), ["k"] = Back(dk), ["v"] = Back(dv) };
    }

    private static Dictionary<string, float[]> Upsample(Entry call)
    {
        Tensor x = Ops.ToChannelsLast(call.In("x")), dx = call.New(x.Shape);
        UpsampleDims d = UpsampleDims.Infer(x.Shape, call.Int("out_h"), call.Int("out_w"));
        x.Backend.Movement.UpsampleNearestBackward(d, Ops.ToChannelsLast(call.Upstream).View, dx.View);
        return new() { ["x"] = Ops.ToChannelsFirst(dx).ToArray() };
    }

    private static Dictionary<string, float[]> Broadcast(Entry call)
    {
        Tensor a = call.In("a"), b = call.In("b"), dy = call.Upstream;
        float[] Sum(Tensor terms, Shape shape, float scale)
        {
            Tensor sum = call.New(shape);
            dy.Backend.Reduce.SumTo(SumToDims.Infer(call.Op, terms.Shape, shape), scale, terms.View, sum.View);
            return sum.ToArray();
        }

        bool multiplies = call.Op == "mul";
        return new()
        {
            ["a"] = Sum(multiplies ? Ops.Multiply(dy, b) : dy, a.Shape, 1),
            ["b"] = Sum(multiplies ? Ops.Multiply(dy, a) : dy, b.Shape, call.Op == "sub" ? -1 : 1),
        };
    }

    private static Dictionary<string, float[]> SquaredError(Entry call)
    {
        Tensor x = call.In("x"), target = call.In("t"), dx = call.New(x.Shape), dTarget = call.New(x.Shape);
        x.Backend.Pointwise.SquaredErrorBackward(
            call.Name == "mean" ? 1f / x.Shape.Count : 1f, x.View, target.View, call.Upstream.View, dx.View,
            dTarget.View);
        return new() { ["x"] = dx.ToArray(), ["t"] = dTarget.ToArray() };
    }

    private static Dictionary<string, float[]> Embedding(Entry call)
    {
        Tensor table = call.In("w"), dTable = call.New(table.Shape);
        table.Backend.Movement.GatherRowsBackward(
            table.Shape[1], call.In("ids").View, call.Upstream.View, dTable.View);
        return new() { ["w"] = dTable.ToArray() };
    }

    /// <summary>One case: its parameters, and its inputs as tensors.</summary>
    private sealed class Entry(Device device, GoldenTensors golden, JsonElement entry)
    {
        public string Name { get; } = entry.GetProperty("case").GetString()!;

        public string Op { get; } = entry.GetProperty("op").GetString()!;

        public Tensor Upstream => Read($"{Name}/gout.y");

        public bool Has(string input) => golden.Has($"{Name}/in.{input}");

        public Tensor In(string input) => Read($"{Name}/in.{input}");

        public Tensor New(Shape shape) => new(device.Backend, shape);

        public Tensor Filled(int count, float value) =>
            Tensor.From(device, new Shape(count), [.. Enumerable.Repeat(value, count)]);

        public int Int(string name) => entry.GetProperty("params").GetProperty(name).GetInt32();

        public float Float(string name) => entry.GetProperty("params").GetProperty(name).GetSingle();

        public bool Flag(string name) => entry.GetProperty("params").GetProperty(name).GetBoolean();

        private Tensor Read(string name)
        {
            GoldenTensor tensor = golden[name];
            Shape shape = new(tensor.Shape);
            return tensor.DType == "I64"
                ? Tensor.From(device, shape, [.. tensor.Longs().Select(id => checked((int)id))])
                : Tensor.From(device, shape, tensor.Floats());
        }
    }
}
