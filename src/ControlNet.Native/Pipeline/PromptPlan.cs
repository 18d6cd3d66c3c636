using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;

namespace ControlNet.Native;

/// <summary>
/// The prompts of a request worked out: the texts that are to be encoded, and which of them are read in which call of
/// the sampler. Texts of all calls are filled up to one length with empty chunks, as A1111 does.
/// </summary>
internal sealed class PromptPlan
{
    private readonly List<PromptText> _texts;
    private readonly List<int[]> _states = [];
    private readonly float[] _weights;
    private readonly int[] _stateOfStep;
    private readonly bool _hasNegative;

    private PromptPlan(Reader reader, ImageRequest request, int steps)
    {
        Chunk = reader.Tokenizer.MaxLength;
        Inversions = reader.Inversions;
        _texts = reader.Texts;
        _hasNegative = request.GuidanceScale > 1;
        IReadOnlyList<WeightedText> joined = Joined(request);
        _weights = [.. joined.Select(part => (float)part.Weight)];
        int skip = request.ClipSkip - 1, negativeSkip = (request.NegativeClipSkip ?? request.ClipSkip) - 1;
        List<Track> tracks = [];
        if (_hasNegative)
        {
            tracks.Add(reader.Read(
                nameof(request.NegativePrompt), request.NegativePrompt, request.NegativePromptEmbedding, negativeSkip));
        }

        tracks.AddRange(joined.Select(part =>
            reader.Read(nameof(request.Prompt), part.Text, request.PromptEmbedding, skip)));
        _stateOfStep = [.. Enumerable.Range(1, steps).Select(step =>
            StateOf([.. tracks.Select(track => track.At(step))]))];
        Tokens = _texts.Max(text => text.Tokens);
        PromptText? odd = _texts.Find(text =>
            text.Tokens < Tokens && (text.Tokens % Chunk != 0 || Tokens % Chunk != 0));
        if (odd is not null)
        {
            throw new RequestException(
                $"one prompt is {odd.Tokens} tokens long, another {Tokens}: only multiples of {Chunk} are filled up " +
                "to one length; encode both with as many tokens");
        }
    }

    /// <summary>The texts to encode, each once.</summary>
    public IReadOnlyList<PromptText> Texts => _texts;

    /// <summary>
    /// What is read together: for each state the texts by their index, the negative prompt first where there is one.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<int>> States => _states;

    /// <summary>Embeddings the texts refer to.</summary>
    public TextualInversions Inversions { get; }

    /// <summary>Names of the embeddings that stand in the prompts.</summary>
    public IReadOnlyList<string> NamedInversions => Inversions.NamesOf(
        _texts.SelectMany(text => text.Chunks).SelectMany(chunk => chunk.Ids));

    /// <summary>Tokens of every text, filled up.</summary>
    public int Tokens { get; }

    /// <summary>Tokens of a chunk, 77.</summary>
    public int Chunk { get; }

    /// <summary>Whether the unconditional half is computed.</summary>
    public bool HasNegative => _hasNegative;

    /// <summary>Prompts that are followed, one but for <c>AND</c>.</summary>
    public int Conditions => _weights.Length;

    /// <summary>Reads the prompts of a request.</summary>
    /// <param name="request">Validated.</param>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="inversions">Of the model.</param>
    /// <param name="width">Elements of a state of the model's text encoder.</param>
    /// <param name="steps">Steps that are taken.</param>
    /// <exception cref="RequestException">They do not fit the model or each other.</exception>
    public static PromptPlan Make(
        ImageRequest request, ClipTokenizer tokenizer, TextualInversions inversions, int width, int steps) =>
        new(new Reader(request, tokenizer, inversions, width, steps), request, steps);

    /// <summary>The state that is read in a call of the sampler.</summary>
    /// <param name="call">From 0.</param>
    /// <param name="callCount">
    /// Calls in all: as many as steps, or more for samplers that look twice at a step, which is then one for both.
    /// </param>
    public int StateAt(int call, int callCount) =>
        _stateOfStep[(int)((long)call * _stateOfStep.Length / callCount)];

    /// <summary>
    /// Joins what the network made of each text: <c>uncond + scale * sum of weight * (cond - uncond)</c>. Source: Liu
    /// et al., 2022, arXiv:2206.01714, equation 11; with one condition Ho and Salimans, 2022, arXiv:2207.12598.
    /// </summary>
    /// <param name="estimate"><c>[N * texts, …]</c>, text by text; without guidance it is the result.</param>
    /// <param name="scale">The guidance scale.</param>
    /// <param name="rescale">How much of the contrast that guidance adds is taken back, 0 to 1.</param>
    /// <returns><c>[N, …]</c></returns>
    public Tensor Guide(Tensor estimate, float scale, float rescale)
    {
        if (!_hasNegative)
        {
            return estimate;
        }

        Tensor guided = Guided(estimate, scale);
        return rescale == 0 ? guided : GuidanceRescale.Apply(guided, Guided(estimate, 1), rescale);
    }

    private Tensor Guided(Tensor estimate, float scale)
    {
        int each = estimate.Shape[0] / (1 + _weights.Length);
        (float Factor, Tensor Term)[] terms = new (float, Tensor)[1 + _weights.Length];
        terms[0] = (1 - (scale * _weights.Sum()), estimate.Rows(0, each));
        for (int i = 0; i < _weights.Length; i++)
        {
            terms[i + 1] = (scale * _weights[i], estimate.Rows((i + 1) * each, each));
        }

        return Ops.LinearCombination(terms);
    }

    private static IReadOnlyList<WeightedText> Joined(ImageRequest request)
    {
        IReadOnlyList<WeightedText> parts = request.PromptSyntax == PromptSyntax.WebUi
            ? PromptConjunction.Split(request.Prompt)
            : [];
        if (parts.Count < 2)
        {
            // A time or a ratio at the end of a prompt is no weight; only a part of several has one.
            return [new WeightedText(request.Prompt, 1)];
        }

        if (parts.Count > ImageRequest.MaxJoinedPrompts)
        {
            throw new RequestException(
                $"Prompt joins {parts.Count} prompts by AND, but at most {ImageRequest.MaxJoinedPrompts} are " +
                "computed together; join fewer");
        }

        if (request.GuidanceScale <= 1)
        {
            throw new RequestException(FormattableString.Invariant(
                $"Prompt joins {parts.Count} prompts by AND, which is done by guidance, but GuidanceScale is ") +
                FormattableString.Invariant($"{request.GuidanceScale}; take more than 1, or one prompt"));
        }

        foreach (WeightedText part in parts)
        {
            PromptText.CheckWeight(nameof(request.Prompt), part.Weight);
        }

        return parts;
    }

    private int StateOf(int[] texts)
    {
        int known = _states.FindIndex(state => state.SequenceEqual(texts));
        if (known >= 0)
        {
            return known;
        }

        _states.Add(texts);
        return _states.Count - 1;
    }

    /// <summary>A prompt over the steps: the last step of each text, from 1, and its index.</summary>
    private sealed record Track(IReadOnlyList<(int EndStep, int Text)> Entries)
    {
        public int At(int step) => Entries.First(entry => step <= entry.EndStep).Text;
    }

    /// <summary>Reads one prompt after the other, equal texts once.</summary>
    private sealed class Reader(
        ImageRequest request, ClipTokenizer tokenizer, TextualInversions inversions, int width, int steps)
    {
        private readonly Dictionary<(string Name, string Text, int Skip), int> _known = [];

        public ClipTokenizer Tokenizer => tokenizer;

        public TextualInversions Inversions => inversions;

        public List<PromptText> Texts { get; } = [];

        public Track Read(string name, string text, PromptEmbedding? given, int skippedLayers)
        {
            if (given is not null)
            {
                CheckWidth($"{name}Embedding", given);
                Texts.Add(new PromptText([], given, skippedLayers));
                return new Track([(steps, Texts.Count - 1)]);
            }

            IReadOnlyList<ScheduledText> parts = request.PromptSyntax == PromptSyntax.WebUi
                ? PromptSchedule.Parse(text, steps)
                : [new ScheduledText(steps, text)];
            return new Track([.. parts.Select(part => (part.EndStep, IndexOf(name, part.Text, skippedLayers)))]);
        }

        private int IndexOf(string name, string text, int skippedLayers)
        {
            if (!_known.TryGetValue((name, text, skippedLayers), out int index))
            {
                index = Texts.Count;
                Texts.Add(PromptText.Of(name, text, request, skippedLayers, tokenizer, inversions));
                _known.Add((name, text, skippedLayers), index);
            }

            return index;
        }

        private void CheckWidth(string name, PromptEmbedding given)
        {
            if (given.Width != width)
            {
                throw new RequestException(
                    $"{name} is {given.Width} wide, but the text encoder makes states of {width}: it was encoded by " +
                    "another base model; encode the prompt with this one");
            }
        }
    }
}
