using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;

namespace ControlNet.Native.Training;

/// <summary>
/// The prompts of training samples as the networks read them, some of them dropped: an empty prompt teaches guidance
/// its negative side, and a ControlNet to read its hint alone. Prompts longer than the encoder reads are cut.
/// </summary>
internal sealed class PromptSource(
    ClipTokenizer tokenizer, ClipTextModel text, TrainingRandom random, double dropProbability, bool caches)
{
    private readonly Dictionary<string, float[]> _states = new(StringComparer.Ordinal);

    /// <summary>Bytes the cache holds when every prompt was seen; 0 without a cache.</summary>
    public long CacheBytes(TrainingFolder data)
    {
        if (!caches)
        {
            return 0;
        }

        HashSet<string> different = new(StringComparer.Ordinal) { string.Empty };
        for (int i = 0; i < data.Count; i++)
        {
            different.Add(data.Prompt(i));
        }

        return (long)different.Count * tokenizer.MaxLength * text.Config.HiddenSize * sizeof(float);
    }

    /// <summary>The tokens of a batch, 77 each.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Tokens(TrainingBatch batch) =>
        [.. Prompts(batch).Select(prompt => tokenizer.EncodePrompt(prompt, out _))];

    /// <summary>The text states of a batch, by the frozen encoder.</summary>
    /// <returns><c>[N, 77, C]</c>, in the caller's scope.</returns>
    public Tensor States(TrainingBatch batch, Device device)
    {
        if (!caches)
        {
            return text.Forward(Tokens(batch));
        }

        int width = text.Config.HiddenSize;
        float[] all = new float[batch.Count * tokenizer.MaxLength * width];
        int i = 0;
        foreach (string prompt in Prompts(batch))
        {
            if (!_states.TryGetValue(prompt, out float[]? states))
            {
                using TensorScope scope = TensorScope.Enter();
                _states.Add(prompt, states = text.Forward([tokenizer.EncodePrompt(prompt, out _)]).ToArray());
            }

            states.CopyTo(all.AsSpan(i++ * states.Length));
        }

        return Tensor.From(device, new Shape(batch.Count, tokenizer.MaxLength, width), all);
    }

    private IEnumerable<string> Prompts(TrainingBatch batch) => batch.Samples.Select((sample, i) =>
        random.Bernoulli(RandomUse.PromptDrop, batch.FirstPosition + i, dropProbability)
            ? string.Empty
            : sample.Prompt);
}
