using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;

namespace ControlNet.Verification.Checks;

/// <summary>
/// Holds single operations against the float64 results of <c>ops/</c>. One result for each output tensor: its error is
/// the worse of the two ratios largest error / <c>atol</c> and rms error / (<c>rms_tol</c> * rms of the reference), so
/// the limit is 1. Families that only move elements must match bit for bit.
/// </summary>
public sealed class OpsCheck : GoldenCheck
{
    private static readonly string[] s_forward =
    [
        "conv2d", "linear", "matmul", "group_norm", "layer_norm", "activations", "geglu", "softmax", "attention",
        "upsample_nearest", "concat_split", "broadcast", "mse_loss", "embedding",
    ];

    private static readonly string[] s_exact = ["upsample_nearest", "concat_split", "embedding"];

    /// <summary>Functions of the golden data that no model of Stable Diffusion 1.x uses.</summary>
    private static readonly string[] s_absent = ["gelu_tanh", "sigmoid", "relu", "tanh"];

    private static readonly string[] s_training = ["adamw", "clip_grad_norm", "ema"];

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
        s_forward.Concat(s_training).Select(family => $"ops/{family}.safetensors");

    /// <inheritdoc/>
    public override IEnumerable<string> NotCovered(GoldenContext context, string file)
    {
        string family = Family(file);
        if (!s_forward.Contains(family))
        {
            return [$"{family}: a part of training, which the library does not do yet"];
        }

        List<string> left = [];
        if (family == "activations")
        {
            left.Add($"{string.Join(", ", s_absent)}: not operations of this engine");
        }

        if (family is not ("concat_split" or "upsample_nearest" or "embedding")
            || Sidecar(context, family).Any(HasGradients))
        {
            left.Add("gradients");
        }

        return left;
    }

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        string family = Family(file);
        if (!s_forward.Contains(family))
        {
            yield break;
        }

        GoldenTensors golden = context.Tensors(file);
        foreach (JsonElement entry in Sidecar(context, family))
        {
            OpsCase call = new(context.Device, golden, entry);
            if (s_absent.Contains(call.Op))
            {
                continue;
            }

            IReadOnlyDictionary<string, float[]> outputs = OpsForward.Compute(call);
            foreach (JsonProperty output in entry.GetProperty("outputs").EnumerateObject())
            {
                double[] expected = golden[$"{call.Name}/out64.{output.Name}"].Reals();
                string name = $"{call.Name}/{output.Name}";
                yield return s_exact.Contains(family)
                    ? Identical(name, expected, outputs[output.Name])
                    : Compare(name, expected, outputs[output.Name], output.Value.GetProperty("err_f32_vs_f64"));
            }
        }
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

    private static bool HasGradients(JsonElement entry) =>
        entry.TryGetProperty("grads", out JsonElement grads) && grads.EnumerateObject().Any();

    private static string Family(string file) => System.IO.Path.GetFileNameWithoutExtension(file);
}
