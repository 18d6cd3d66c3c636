using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>
/// ControlNets: residuals at several scales, in guess mode, pooled and summed over two networks, and the UNet's output
/// with them; red green blue against blue green red.
/// </summary>
public sealed class ControlNetCheck : GoldenCheck
{
    private static readonly string[] s_nets = ["canny", "depth"];

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => ["outputs/controlnet.safetensors"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        using Checkpoint unetFile = Checkpoint.Open(context.ModelOf(golden, "unet"));
        using UnetModel unet = new(unetFile.Unet!.Map(context.Device).Under(context), unetFile.Unet.Config);
        using ControlNetBench bench = new(context, golden);
        List<GoldenResult> results = [];
        foreach (string name in golden.Cases())
        {
            Dictionary<string, string[]> runs = Runs(golden, name);
            foreach ((string run, string[] outputs) in runs)
            {
                results.AddRange(ModelGolden.Case($"{name}/{run}", found =>
                {
                    ControlResiduals? residuals = run == "none" ? null : bench.Residuals(name, run);
                    foreach (string output in outputs)
                    {
                        if (output.EndsWith('/'))
                        {
                            found.AddRange(CompareResiduals(context, golden, output, residuals!));
                            continue;
                        }

                        using TextContext text = new(context.Upload(golden[$"{name}/in.encoder_hidden_states"]));
                        Tensor latents = context.Upload(golden[$"{name}/in.sample"]);
                        float[] timesteps = golden[$"{name}/in.timestep"].Floats();
                        Tensor estimate = unet.Forward(latents, timesteps, text, residuals);
                        found.Add(ModelGolden.Compare(output, golden[output], estimate, context.Limit()));
                    }
                }));
            }
        }

        return results;
    }

    /// <summary>Compares one case at full strength, with a network that may come from another file.</summary>
    /// <param name="context">The golden folder.</param>
    /// <param name="golden">The file of this check.</param>
    /// <param name="model">The network.</param>
    /// <param name="name">The case, for example <c>odd</c>.</param>
    /// <param name="net">What the golden file calls the network: <c>canny</c> or <c>depth</c>.</param>
    public static IReadOnlyList<GoldenResult> Run(
        GoldenContext context, GoldenTensors golden, ControlNetModel model, string name, string net) =>
        ModelGolden.Case($"{name}/{net}", results => results.AddRange(
            CompareResiduals(
                context, golden, $"{name}/{net}/s1/", Compute(context, golden, model, name, $"cond_{net}"))));

    /// <summary>Compares residuals with <c>down.00</c>, … and <c>mid</c> under a prefix.</summary>
    internal static IEnumerable<GoldenResult> CompareResiduals(
        GoldenContext context, GoldenTensors golden, string prefix, ControlResiduals residuals)
    {
        int expected = golden.Names.Count(name => name.StartsWith($"{prefix}down.", StringComparison.Ordinal));
        yield return GoldenResult.Exact(
            $"{prefix}count", residuals.Skips.Count == expected,
            $"{residuals.Skips.Count} residuals, expected {expected}");
        for (int i = 0; i < Math.Min(expected, residuals.Skips.Count); i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{prefix}down.{i:00}");
            yield return ModelGolden.Compare(name, golden[name], residuals.Skips[i], context.Limit());
        }

        string middle = $"{prefix}mid";
        yield return ModelGolden.Compare(middle, golden[middle], residuals.Middle, context.Limit());
    }

    /// <summary>Residuals at full strength from the inputs of a case.</summary>
    private static ControlResiduals Compute(
        GoldenContext context, GoldenTensors golden, ControlNetModel model, string name, string hint)
    {
        using TextContext text = new(context.Upload(golden[$"{name}/in.encoder_hidden_states"]));
        return model.Forward(
            context.Upload(golden[$"{name}/in.sample"]), golden[$"{name}/in.timestep"].Floats(), text,
            model.EncodeHint(context.Upload(golden[$"{name}/in.{hint}"])));
    }

    /// <summary>
    /// What a case computes, and which outputs belong to it: <c>canny.s0.5</c> comes as residuals under
    /// <c>a/canny/s0.5/</c>, as the UNet's output <c>a/unet.canny.s0.5</c>, or as both.
    /// </summary>
    private static Dictionary<string, string[]> Runs(GoldenTensors golden, string name)
    {
        List<(string Run, string Output)> found = [];
        foreach (string key in golden.Names.Where(key => key.StartsWith($"{name}/", StringComparison.Ordinal)))
        {
            string[] parts = key.Split('/');
            if (parts.Length == 2 && parts[1].StartsWith("unet.", StringComparison.Ordinal))
            {
                found.Add((parts[1]["unet.".Length..], key));
            }
            else if (parts[^1] == "mid")
            {
                found.Add((string.Join('.', parts[1..^1]), key[..^"mid".Length]));
            }
        }

        return found.GroupBy(entry => entry.Run).ToDictionary(
            group => group.Key, group => group.Select(entry => entry.Output).ToArray(), StringComparer.Ordinal);
    }

    /// <summary>The two networks with their variants, loaded when first asked for.</summary>
    private sealed class ControlNetBench(GoldenContext context, GoldenTensors golden) : IDisposable
    {
        private readonly Dictionary<string, ControlNetModel> _models = new(StringComparer.Ordinal);

        /// <summary>
        /// Residuals of a run such as <c>canny.guess.s0.7</c>, <c>canny.pool.s0.9</c> or <c>multi.s1_0.55</c>.
        /// </summary>
        public ControlResiduals Residuals(string name, string run)
        {
            string[] parts = run.Split('.', 2);
            string variant = parts[1];
            bool guess = variant.StartsWith("guess.", StringComparison.Ordinal);
            bool pooled = variant.StartsWith("pool.", StringComparison.Ordinal);
            bool coloured = variant is "rgb" or "bgr";
            float[] scales = coloured ? [1f] : [.. variant[(variant.LastIndexOf('s') + 1)..].Split('_').Select(Number)];
            string[] nets = parts[0] == "multi" ? s_nets : [parts[0]];
            return ControlResiduals.Sum([.. nets.Select((net, i) =>
            {
                ControlResiduals whole = Compute(
                    context, golden, Model(net, pooled, variant == "bgr"), name, $"cond_{(coloured ? "colour" : net)}");
                return guess
                    ? whole.Scaled([.. ControlResiduals.GuessRamp(whole.Count).Select(step => step * scales[i])])
                    : whole.Scaled(scales[i]);
            })]);
        }

        public void Dispose()
        {
            foreach (ControlNetModel model in _models.Values)
            {
                model.Dispose();
            }
        }

        private static float Number(string text) => float.Parse(text, CultureInfo.InvariantCulture);

        private ControlNetModel Model(string net, bool pooled, bool isBgr)
        {
            string key = $"{net} pooled={pooled} bgr={isBgr}";
            if (!_models.TryGetValue(key, out ControlNetModel? model))
            {
                using Checkpoint checkpoint = Checkpoint.Open(context.ModelOf(golden, net));
                ControlNetConfig config = checkpoint.ControlNet!.Config;
                config = config with { GlobalPoolConditions = pooled, ConditioningIsBgr = isBgr };
                model = new ControlNetModel(checkpoint.ControlNet.Map(context.Device).Under(context), config);
                _models.Add(key, model);
            }

            return model;
        }
    }
}
