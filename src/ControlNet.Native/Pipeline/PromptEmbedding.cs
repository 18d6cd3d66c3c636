using System;

namespace ControlNet.Native;

/// <summary>
/// A prompt as the text encoder made it: what the UNet reads in its place. Made by
/// <see cref="StableDiffusion.EncodePrompt"/> or elsewhere; diffusers calls it <c>prompt_embeds</c>.
/// </summary>
/// <param name="States"><c>[Tokens, Width]</c>, row by row, finite.</param>
/// <param name="Tokens">77 for a short prompt, a multiple for a long one.</param>
/// <param name="Width">Elements of a state: 768 for Stable Diffusion 1.x, 1024 for 2.x.</param>
public sealed record PromptEmbedding(ReadOnlyMemory<float> States, int Tokens, int Width)
{
    /// <summary>Checks that shape and values are sound.</summary>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="RequestException">They are not.</exception>
    internal void Validate(string name)
    {
        if (Tokens < 1 || Width < 1 || States.Length != (long)Tokens * Width)
        {
            throw new RequestException(FormattableString.Invariant(
                $"{name} has {States.Length} values, but [{Tokens}, {Width}] are {(long)Tokens * Width}; ") +
                "give a row of values for each token");
        }

        ReadOnlySpan<float> values = States.Span;
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                throw new RequestException(FormattableString.Invariant(
                    $"{name}: value {i} is {values[i]}, but must be a finite number; encode the prompt again"));
            }
        }
    }
}
