using System;

namespace ControlNet.Native;

/// <content>How prompts are read, and prompts that were read before.</content>
public sealed partial record ImageRequest
{
    /// <summary>Most prompts that <c>AND</c> may join: each takes the memory and time of one more image.</summary>
    public const int MaxJoinedPrompts = 7;

    /// <summary>Most chunks of 75 tokens a prompt may take.</summary>
    public const int MaxPromptChunks = 64;

    /// <summary>Most characters of a prompt.</summary>
    public const int MaxPromptLength = 1 << 16;

    /// <summary>Largest weight of a part of a prompt, up or down.</summary>
    public const int MaxPromptWeight = 100;

    /// <summary>What brackets and key words in the prompts mean.</summary>
    public PromptSyntax PromptSyntax { get; init; }

    /// <summary>
    /// A prompt that is encoded already, instead of <see cref="Prompt"/>, which is then empty. Its layers were left out
    /// when it was made, so <see cref="ClipSkip"/> does not touch it.
    /// </summary>
    public PromptEmbedding? PromptEmbedding { get; init; }

    /// <summary>The same for the negative prompt.</summary>
    public PromptEmbedding? NegativePromptEmbedding { get; init; }

    /// <summary>Whether a prompt may read otherwise in a later step; one without square brackets never does.</summary>
    public bool MayChangePrompts =>
        PromptSyntax == PromptSyntax.WebUi && (Prompt.Contains('[') || NegativePrompt.Contains('['));

    private void ValidatePrompts()
    {
        ArgumentNullException.ThrowIfNull(Prompt);
        ArgumentNullException.ThrowIfNull(NegativePrompt);
        if (!Enum.IsDefined(PromptSyntax))
        {
            throw new RequestException(FormattableString.Invariant(
                $"PromptSyntax {(int)PromptSyntax} is not one of its values"));
        }

        ValidatePrompt(nameof(Prompt), Prompt, PromptEmbedding);
        ValidatePrompt(nameof(NegativePrompt), NegativePrompt, NegativePromptEmbedding);
    }

    private static void ValidatePrompt(string name, string text, PromptEmbedding? embedding)
    {
        if (text.Length > MaxPromptLength)
        {
            throw new RequestException(FormattableString.Invariant(
                $"{name} has {text.Length} characters, but at most {MaxPromptLength} are read; shorten it"));
        }

        if (text.Length > 0 && embedding is not null)
        {
            throw new RequestException(
                $"{name}Embedding replaces {name}, which is not empty; give one or the other");
        }

        embedding?.Validate($"{name}Embedding");
    }
}
