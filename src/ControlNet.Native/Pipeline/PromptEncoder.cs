using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;

namespace ControlNet.Native;

/// <summary>
/// Encodes the texts of a request: chunk by chunk, each framed and encoded by itself, weighted, and laid end to end.
/// Source: A1111 stable-diffusion-webui, sd_hijack_clip.py <c>forward</c>.
/// </summary>
/// <param name="model">The text encoder.</param>
/// <param name="device">Where it computes.</param>
/// <param name="tokenizer">Of the model.</param>
/// <param name="activations">The type the UNet reads.</param>
internal sealed class PromptEncoder(
    ClipTextModel model, Device device, ClipTokenizer tokenizer, DType activations)
{
    // Chunks encoded together; bounds the memory of prompts that change often.
    private const int LargestBatch = 32;

    /// <summary>Encodes.</summary>
    /// <param name="plan">The prompts.</param>
    /// <returns>One <c>[1, plan.Tokens, C]</c> for each text, in the caller's scope.</returns>
    public Tensor[] Encode(PromptPlan plan)
    {
        using TensorScope scope = TensorScope.Enter();
        int width = model.Config.HiddenSize;
        float[] rows = plan.NamedInversions.Count > 0 ? plan.Inversions.Rows : [];
        Tensor? added = rows.Length == 0 ? null : Tensor.From(device, new Shape(rows.Length / width, width), rows);
        Tensor[] states = new Tensor[plan.Texts.Count];
        foreach (IGrouping<int, int> group in Enumerable.Range(0, states.Length)
            .GroupBy(text => plan.Texts[text].SkippedLayers))
        {
            int[] texts = [.. group];
            Queue<Tensor> encoded = new(Chunks(plan, texts, group.Key, added));
            Tensor? empty = NeedsEmpty(plan, texts) ? encoded.Dequeue() : null;
            foreach (int text in texts)
            {
                states[text] = Joined(plan, plan.Texts[text], encoded, empty);
            }
        }

        foreach (Tensor state in states)
        {
            scope.Keep(state);
        }

        return states;
    }

    /// <summary>The states of an empty chunk where one is needed, then of every chunk, <c>[1, 77, C]</c>.</summary>
    private IEnumerable<Tensor> Chunks(PromptPlan plan, int[] texts, int skippedLayers, Tensor? added)
    {
        IEnumerable<int[]> ids = texts.SelectMany(text => plan.Texts[text].Chunks).Select(chunk => chunk.Ids);
        ids = NeedsEmpty(plan, texts) ? ids.Prepend(tokenizer.EncodePrompt(string.Empty)) : ids;
        foreach (int[][] batch in ids.Chunk(LargestBatch))
        {
            Tensor encoded = model.ForwardWith(added, batch, skippedLayers);
            for (int i = 0; i < batch.Length; i++)
            {
                yield return encoded.Rows(i, 1);
            }
        }
    }

    private static bool NeedsEmpty(PromptPlan plan, int[] texts) =>
        texts.Any(text => plan.Texts[text].Tokens < plan.Tokens);

    private Tensor Joined(PromptPlan plan, PromptText text, Queue<Tensor> encoded, Tensor? empty)
    {
        List<Tensor> parts = text.Given is { } given
            ? [InType(Tensor.From(device, new Shape(1, given.Tokens, given.Width), given.States.Span))]
            : [.. text.Chunks.Select(chunk => Weighed(encoded.Dequeue(), chunk.Weights))];
        for (int tokens = text.Tokens; tokens < plan.Tokens; tokens += plan.Chunk)
        {
            parts.Add(InType(empty!));
        }

        return parts.Count == 1 ? parts[0] : Ops.Concat(1, [.. parts]);
    }

    /// <summary>Weighted on the host: one chunk, once a request.</summary>
    private Tensor Weighed(Tensor states, float[]? weights)
    {
        if (weights is null)
        {
            return InType(states);
        }

        float[] values = (states.DType == DType.F32 ? states : Ops.Cast(states, DType.F32)).ToArray();
        PromptChunk.Weigh(values, weights);
        return InType(Tensor.From(device, states.Shape, values));
    }

    private Tensor InType(Tensor states) => states.DType == activations ? states : Ops.Cast(states, activations);
}
