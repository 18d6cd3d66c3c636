using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Tensors;

namespace ControlNet.Verification.Checks;

/// <summary>
/// Holds single operations, and their gradients through the tape, against the float64 results of <c>ops/</c>. One
/// result for each output tensor and each gradient, named d and the input: its error is the worse of the two ratios
/// largest error / <c>atol</c> and rms error / (<c>rms_tol</c> * rms of the reference), so the limit is 1. Families
/// that only move elements must match bit for bit.
/// </summary>
public sealed class OpsCheck : GoldenCheck
{
    private static readonly string[] s_families =
    [
        "conv2d", "linear", "matmul", "group_norm", "layer_norm", "activations", "geglu", "softmax", "attention",
        "upsample_nearest", "concat_split", "broadcast", "mse_loss", "embedding",
    ];

    private static readonly string[] s_exact =
        ["upsample_nearest", "concat", "split", "reshape+permute", "embedding"];

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
        s_families.Select(family => $"ops/{family}.safetensors");

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        foreach (JsonElement entry in Sidecar(context, Family(file)))
        {
            OpsCase call = new(context.Device, golden, entry);
            foreach (GoldenResult result in Forward(call, golden, entry).Concat(Gradients(call, golden, entry)))
            {
                yield return result;
            }
        }
    }

    private static List<GoldenResult> Forward(OpsCase call, GoldenTensors golden, JsonElement entry)
    {
        using TensorScope scope = TensorScope.Enter();
        List<GoldenResult> results = [];
        IReadOnlyDictionary<string, Tensor> outputs = OpsForward.Compute(call);
        foreach (JsonProperty output in entry.GetProperty("outputs").EnumerateObject())
        {
            double[] expected = golden[$"{call.Name}/out64.{output.Name}"].Reals();
            string name = $"{call.Name}/{output.Name}";
            float[] actual = outputs[output.Name].ToArray();
            results.Add(s_exact.Contains(call.Op)
                ? Identical(name, expected, actual)
                : Compare(name, expected, actual, output.Value.GetProperty("err_f32_vs_f64")));
        }

        return results;
    }

    private static List<GoldenResult> Gradients(OpsCase call, GoldenTensors golden, JsonElement entry)
    {
        if (call.Differentiated.Count == 0)
        {
            return [];
        }

        using TensorScope scope = TensorScope.Enter();
        using Tape tape = Tape.Record();
        IReadOnlyDictionary<string, Tensor> outputs = OpsForward.Compute(call);
        using Gradients gradients = outputs.Count == 1
            ? tape.Backward(outputs.Values.Single(), Seed(outputs.Single()))
            : tape.Backward(SumOfProducts(outputs, call));
        return
        [
            .. call.Differentiated.Select(input => Compare(
                $"{call.Name}/d{input}", golden[$"{call.Name}/grad64.{input}"].Reals(),
                gradients[call.Leaves[input]].ToArray(),
                entry.GetProperty("grads").GetProperty(input).GetProperty("err_f32_vs_f64"))),
        ];

        // The golden data joins axes that are apart here; the elements are the same.
        Tensor Seed(KeyValuePair<string, Tensor> output)
        {
            Shape shape = output.Value.Shape;
            return call.Upstream(output.Key).Reshape([.. Enumerable.Range(0, shape.Rank).Select(i => shape[i])]);
        }
    }

    /// <summary>One number whose gradient by each output is the golden one.</summary>
    private static Tensor SumOfProducts(IReadOnlyDictionary<string, Tensor> outputs, OpsCase call)
    {
        Tensor? sum = null;
        foreach ((string output, Tensor y) in outputs)
        {
            Tensor product = Ops.Sum(Ops.Multiply(y, call.Upstream(output)).Reshape(-1), 0);
            sum = sum is null ? product : Ops.Add(sum, product);
        }

        return sum!;
    }

    /// <summary>
    /// The acceptance rule of the golden data: the largest error and the rms error, each within its limit.
    /// </summary>
    private static GoldenResult Compare(string name, double[] expected, float[] actual, JsonElement limits)
    {
        if (expected.Length != actual.Length)
        {
            return new GoldenResult(name, double.NaN, 1, $"{actual.Length} elements instead of {expected.Length}");
        }

        double largest = 0, squares = 0, reference = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double error = actual[i] - expected[i];
            largest = double.IsNaN(error) ? double.NaN : Math.Max(largest, Math.Abs(error));
            squares += error * error;
            reference += expected[i] * expected[i];
        }

        double ratio = Ratio(largest, limits.GetProperty("atol").GetDouble());
        if (limits.GetProperty("rms_tol") is { ValueKind: JsonValueKind.Number } tolerance)
        {
            ratio = Math.Max(ratio, Ratio(Math.Sqrt(squares), tolerance.GetDouble() * Math.Sqrt(reference)));
        }

        return new GoldenResult(name, ratio, 1);
    }

    private static double Ratio(double error, double limit) => error == 0 ? 0 : error / limit;

    private static GoldenResult Identical(string name, double[] expected, float[] actual)
    {
        bool same = expected.Length == actual.Length;
        for (int i = 0; same && i < expected.Length; i++)
        {
            same = actual[i] == expected[i];
        }

        return GoldenResult.Exact(name, same, "must be bit-identical and is not");
    }

    private static JsonElement.ArrayEnumerator Sidecar(GoldenContext context, string family) =>
        context.Json($"ops/{family}.json").GetProperty("cases").EnumerateArray();

    private static string Family(string file) => System.IO.Path.GetFileNameWithoutExtension(file);
}
