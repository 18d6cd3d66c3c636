using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Tensors;

namespace ControlNet.Verification.Checks;

/// <summary>
/// The optimiser's arithmetic against <c>ops/</c> in float64: AdamW over several steps, gradients clipped by their
/// joint norm, moving averages. The error is the worse of largest error / (2 max|ref|) and rms error / rms of the
/// reference; what a family is allowed stands in the golden data's README.
/// </summary>
public sealed class OptimiserCheck : GoldenCheck
{
    private const double AdamWLimit = 3e-6;

    private const double Limit = 1e-6;

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
        ["ops/adamw.safetensors", "ops/clip_grad_norm.safetensors", "ops/ema.safetensors"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        string family = System.IO.Path.GetFileNameWithoutExtension(file);
        foreach (JsonElement entry in context.Json($"ops/{family}.json").GetProperty("cases").EnumerateArray())
        {
            string name = entry.GetProperty("case").GetString()!;
            JsonElement parameters = entry.GetProperty("params");
            Bench bench = new(context, golden, name);
            List<GoldenResult> results = ModelGolden.Case(name, found => found.AddRange(family switch
            {
                "adamw" => AdamW(bench, parameters),
                "clip_grad_norm" => Clip(bench, parameters),
                _ => Average(bench, parameters),
            }));
            foreach (GoldenResult result in results)
            {
                yield return result;
            }
        }
    }

    private static IEnumerable<GoldenResult> AdamW(Bench bench, JsonElement parameters)
    {
        for (int index = 0; bench.Has($"in.p{index}"); index++)
        {
            Tensor p = bench.Read($"in.p{index}");
            Tensor m = bench.Zeros(p.Shape), v = bench.Zeros(p.Shape);
            for (int step = 1; step <= parameters.GetProperty("steps").GetInt32(); step++)
            {
                Ops.AdamW(p, bench.Read($"in.g{index}.step{step}"), m, v, step, Settings(parameters, step));
                foreach ((string role, Tensor tensor) in ((string, Tensor)[])[("p", p), ("m", m), ("v", v)])
                {
                    string output = $"{role}{index}.step{step}";
                    if (bench.Has($"out64.{output}"))
                    {
                        yield return bench.Compare(output, tensor, AdamWLimit);
                    }
                }
            }
        }
    }

    /// <summary>The norm of the norms, and gradients scaled down to the largest norm allowed.</summary>
    private static IEnumerable<GoldenResult> Clip(Bench bench, JsonElement parameters)
    {
        List<Tensor> gradients = [];
        while (bench.Has($"in.g{gradients.Count}"))
        {
            gradients.Add(bench.Read($"in.g{gradients.Count}"));
        }

        Tensor norm = Ops.Norm(Ops.Concat(0, [.. gradients.Select(g => Ops.Norm(g).Reshape(1))]));
        yield return bench.Compare("total_norm", norm, Limit);
        double factor = Math.Min(1, parameters.GetProperty("max_norm").GetDouble() / (norm.ToArray()[0] + 1e-6));
        for (int i = 0; i < gradients.Count; i++)
        {
            yield return bench.Compare($"g{i}", Ops.Scale(gradients[i], (float)factor), Limit);
        }
    }

    private static IEnumerable<GoldenResult> Average(Bench bench, JsonElement parameters)
    {
        Tensor average = bench.Read("in.p0");
        double[] decays =
            [.. parameters.GetProperty("decay_per_step").EnumerateArray().Select(decay => decay.GetDouble())];
        for (int step = 1; step <= decays.Length; step++)
        {
            Ops.MovingAverage(average, bench.Read($"in.p.step{step}"), decays[step - 1]);
            if (bench.Has($"out64.shadow.step{step}"))
            {
                yield return bench.Compare($"shadow.step{step}", average, Limit);
            }
        }
    }

    private static AdamWSettings Settings(JsonElement parameters, int step) => new()
    {
        LearningRate = parameters.GetProperty("lr_per_step") is { ValueKind: JsonValueKind.Array } rates
            ? rates[step - 1].GetDouble()
            : parameters.GetProperty("lr").GetDouble(),
        Beta1 = parameters.GetProperty("betas")[0].GetDouble(),
        Beta2 = parameters.GetProperty("betas")[1].GetDouble(),
        Eps = parameters.GetProperty("eps").GetDouble(),
        WeightDecay = parameters.GetProperty("weight_decay").GetDouble(),
    };

    /// <summary>One case of a file, its tensors and the device.</summary>
    private sealed class Bench(GoldenContext context, GoldenTensors golden, string name)
    {
        public bool Has(string role) => golden.Has($"{name}/{role}");

        public Tensor Read(string role)
        {
            GoldenTensor tensor = golden[$"{name}/{role}"];
            return Tensor.From(context.Device, new Shape(tensor.Shape), tensor.Floats());
        }

        public Tensor Zeros(Shape shape) => Tensor.Zeros(context.Device, shape);

        public GoldenResult Compare(string output, Tensor actual, double limit)
        {
            double[] expected = golden[$"{name}/out64.{output}"].Reals();
            float[] found = actual.ToArray();
            double largest = 0, squares = 0, scale = 0, reference = 0;
            for (int i = 0; i < expected.Length; i++)
            {
                double error = Math.Abs(found[i] - expected[i]);
                largest = double.IsNaN(error) ? double.NaN : Math.Max(largest, error);
                squares += error * error;
                scale = Math.Max(scale, Math.Abs(expected[i]));
                reference += expected[i] * expected[i];
            }

            double worst = largest == 0
                ? 0
                : Math.Max(largest / (2 * scale), Math.Sqrt(squares / reference));
            return new GoldenResult($"{name}/{output}", worst, limit);
        }
    }
}
