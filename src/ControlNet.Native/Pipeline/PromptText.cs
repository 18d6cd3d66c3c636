using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Text;

namespace ControlNet.Native;

/// <summary>One text of a request, laid out for the text encoder; or one that is encoded already.</summary>
/// <param name="Chunks">At least one; none where the text is given encoded.</param>
/// <param name="Given">The states where they were given.</param>
/// <param name="SkippedLayers">Layers of the text encoder left out at its end.</param>
internal sealed record PromptText(IReadOnlyList<PromptChunk> Chunks, PromptEmbedding? Given, int SkippedLayers)
{
    /// <summary>Lays a text out.</summary>
    /// <param name="name">What messages call the prompt.</param>
    /// <param name="text">The prompt as it is in some step.</param>
    /// <param name="request">How prompts are read.</param>
    /// <param name="skippedLayers">Layers left out.</param>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="inversions">Of the model.</param>
    /// <exception cref="RequestException">It is too long, or a weight is out of its range.</exception>
    public static PromptText Of(
        string name, string text, ImageRequest request, int skippedLayers, ClipTokenizer tokenizer,
        TextualInversions inversions)
    {
        bool isPlain = request.PromptSyntax == PromptSyntax.Plain;
        IReadOnlyList<WeightedText> pieces = isPlain ? [new WeightedText(text, 1)] : PromptAttention.Parse(text);
        foreach (WeightedText piece in pieces)
        {
            CheckWeight(name, piece.Weight);
        }

        int backtrack = isPlain || request.TruncatePrompt ? 0 : PromptChunker.Backtrack;
        List<PromptChunk> chunks = PromptChunker.Chunk(tokenizer, inversions, pieces, backtrack);
        if (request.TruncatePrompt)
        {
            chunks = chunks[..1];
        }

        return chunks.Count <= ImageRequest.MaxPromptChunks
            ? new PromptText(chunks, Given: null, skippedLayers)
            : throw new RequestException(
                $"{name} takes {chunks.Count} chunks of {tokenizer.MaxLength - 2} tokens, but at most " +
                $"{ImageRequest.MaxPromptChunks} are read; shorten it, or set TruncatePrompt (--truncate-prompt) to " +
                "leave out all behind the first");
    }

    /// <summary>Refuses a weight that is out of its range.</summary>
    /// <param name="name">What messages call the prompt.</param>
    /// <param name="weight">As it was given.</param>
    public static void CheckWeight(string name, double weight)
    {
        if (!(Math.Abs(weight) <= ImageRequest.MaxPromptWeight))
        {
            throw new RequestException(FormattableString.Invariant(
                $"{name} has a part of weight {weight}, but weights must be from {-ImageRequest.MaxPromptWeight} to ") +
                FormattableString.Invariant(
                    $"{ImageRequest.MaxPromptWeight}; usual ones are 0.5 to 1.5"));
        }
    }

    /// <summary>Tokens of the text, before it is filled up to the longest of the request.</summary>
    public int Tokens => Given?.Tokens ?? Chunks.Sum(chunk => chunk.Ids.Length);
}
