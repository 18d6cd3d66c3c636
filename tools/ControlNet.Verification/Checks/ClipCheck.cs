using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>
/// The text encoders: every hidden state, the final states, clip skip, the pooled state, the other padding.
/// </summary>
public sealed class ClipCheck : GoldenCheck
{
    private const string SkipPrefix = "out.clip_skip.";

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
        ["outputs/clip_sd1-tiny.safetensors", "outputs/clip_sd2-tiny.safetensors"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        using Checkpoint checkpoint = Checkpoint.Open(context.ModelOf(golden));
        using ClipTextModel model = new(checkpoint.Text!.Map(context.Device).Under(context), checkpoint.Text.Config);
        return Run(context, golden, model);
    }

    /// <summary>Compares a model that may come from another file than the golden data names.</summary>
    public static IReadOnlyList<GoldenResult> Run(GoldenContext context, GoldenTensors golden, ClipTextModel model)
    {
        int[][] tokens = golden["in.input_ids"].Tokens();
        int[][] firstTwo = tokens[..2];
        return
        [
            .. ModelGolden.Case("final", results =>
            {
                Tensor states = model.Forward(tokens);
                results.Add(Compare(context, golden, "out.last_hidden_state", states));
                results.Add(Compare(context, golden, "out.pooled", model.Pool(states, tokens)));

                // The last text, encoded alone.
                results.Add(Compare(context, golden, "out.batch1.last_hidden_state", model.Forward(tokens[^1..])));
            }),
            .. golden.Names.Where(name => name.StartsWith(SkipPrefix, StringComparison.Ordinal)).SelectMany(name =>
                ModelGolden.Case(name, results =>
                {
                    int skipped = int.Parse(name[SkipPrefix.Length..], CultureInfo.InvariantCulture);
                    results.Add(Compare(context, golden, name, model.Forward(firstTwo, skipped)));
                })),
            .. ModelGolden.Case(
                "hidden_states", results => results.AddRange(HiddenStates(context, golden, model, firstTwo))),
            .. golden.Has("in.alt_pad.input_ids")
                ? ModelGolden.Case("alt_pad", results => results.Add(Compare(
                    context, golden, "out.alt_pad.last_hidden_state",
                    model.Forward(golden["in.alt_pad.input_ids"].Tokens()))))
                : [],
        ];
    }

    private static IEnumerable<GoldenResult> HiddenStates(
        GoldenContext context, GoldenTensors golden, ClipTextModel model, int[][] tokens)
    {
        GoldenTensor expected = golden["out.hidden_states"];
        IReadOnlyList<Tensor> states = model.HiddenStates(tokens);
        if (states.Count != expected.Shape[0])
        {
            return [GoldenResult.Exact("hidden_states", false, $"{states.Count} states, expected {expected.Shape[0]}")];
        }

        float[][] each = [.. expected.Floats().Chunk(expected.Floats().Length / states.Count)];
        return states.Select((state, i) => ModelGolden.Compare(
            $"out.hidden_states[{i}]", each[i], state.Floats(), context.Limit(ModelGolden.TextLimit)));
    }

    private static GoldenResult Compare(GoldenContext context, GoldenTensors golden, string name, Tensor actual) =>
        ModelGolden.Compare(name, golden[name], actual, context.Limit(ModelGolden.TextLimit));
}
