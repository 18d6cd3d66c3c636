using System;

namespace ControlNet.Native.Text;

/// <summary>A stretch of a prompt as the text encoder reads it: begin, tokens, end, padding.</summary>
/// <param name="Ids">
/// Token numbers, 77; those beyond the encoder's vocabulary are rows of <see cref="TextualInversions.Rows"/>.
/// </param>
/// <param name="Weights">How strongly the state of each token counts, 77; null where all are 1.</param>
internal sealed record PromptChunk(int[] Ids, float[]? Weights)
{
    /// <summary>The chunk without its weights.</summary>
    public PromptChunk Unweighted => Weights is null ? this : this with { Weights = null };

    /// <summary>
    /// Weights the states of a chunk, then brings them back to the mean they had. Source: A1111
    /// stable-diffusion-webui, sd_emphasis.py <c>EmphasisOriginal</c>, which does so where the mean is nothing but
    /// rounding, too, and then blows the states up; here they are left as weighted.
    /// </summary>
    /// <param name="states"><c>[T, C]</c>, one row for each weight; changed in place.</param>
    /// <param name="weights"><c>[T]</c></param>
    public static void Weigh(Span<float> states, ReadOnlySpan<float> weights)
    {
        int width = states.Length / weights.Length;
        double before = 0, after = 0, smallest = weights[0], largest = weights[0];
        foreach (float weight in weights)
        {
            (smallest, largest) = (Math.Min(smallest, weight), Math.Max(largest, weight));
        }

        for (int i = 0; i < states.Length; i++)
        {
            before += states[i];
            states[i] *= weights[i / width];
            after += states[i];
        }

        // Within the weights unless the means of tokens cancel; then they say nothing of the scale.
        double change = after / before;
        float restore = (float)(before / after);
        if (change >= smallest && change <= largest && float.IsFinite(restore))
        {
            foreach (ref float state in states)
            {
                state *= restore;
            }
        }
    }
}
