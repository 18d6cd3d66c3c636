using System.Collections.Generic;
using ControlNet.Native;

namespace ControlNet.Cli;

/// <summary>What the prompts of an image to be made ask of the model besides generating.</summary>
/// <param name="Embeddings">Embeddings to add, each with its word or null for the one it says itself.</param>
/// <param name="SaveTo">Where the encoded prompts go; null for nowhere.</param>
internal sealed record PromptJob(IReadOnlyList<(string Path, string? Name)> Embeddings, string? SaveTo)
{
    /// <summary>Adds the embeddings, and encodes the prompts where they are to be saved.</summary>
    /// <param name="model">The model.</param>
    /// <param name="request">What will be generated.</param>
    /// <param name="loaded">Receives one line for each embedding.</param>
    /// <returns>What is to be written when the image is there; null for nothing.</returns>
    public PromptEmbeddingsFile? Prepare(StableDiffusion model, ImageRequest request, List<string> loaded)
    {
        foreach ((string path, string? name) in Embeddings)
        {
            string word = model.AddEmbedding(path, name);
            loaded.Add($"embedding: '{word}' in prompts stands for {path}");
        }

        if (SaveTo is null)
        {
            return null;
        }

        PromptEmbedding prompt = request.PromptEmbedding ?? Encode(model, request, request.Prompt, request.ClipSkip);
        PromptEmbedding negative = request.NegativePromptEmbedding
            ?? Encode(model, request, request.NegativePrompt, request.NegativeClipSkip ?? request.ClipSkip);
        return new PromptEmbeddingsFile(prompt, negative);
    }

    private static PromptEmbedding Encode(StableDiffusion model, ImageRequest request, string prompt, int clipSkip) =>
        model.EncodePrompt(prompt, request.PromptSyntax, clipSkip, request.TruncatePrompt);
}
