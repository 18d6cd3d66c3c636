using System.Collections.Generic;

namespace ControlNet.Native.Cases;

/// <summary>
/// One attention: q <c>[Batch, Queries, Heads * HeadWidth]</c>, k and v <c>[Batch, Keys, Heads * HeadWidth]</c>.
/// </summary>
public sealed record AttentionCase(
    int Batch, int Heads, int Queries, int Keys, int HeadWidth, bool Causal = false, float? Scale = null);

/// <summary>Shapes of attention worth testing and measuring.</summary>
public static class AttentionCases
{
    /// <summary>Tails of queries and keys, odd head widths, the causal mask, a scale of its own.</summary>
    public static IEnumerable<AttentionCase> Edges()
    {
        foreach (int queries in (int[])[1, 2, 15, 16, 31, 32, 33, 65])
        {
            yield return new AttentionCase(1, 2, queries, 7, 8);
        }

        foreach (int keys in (int[])[1, 2, 13, 14, 127, 128, 129, 300])
        {
            yield return new AttentionCase(1, 2, 20, keys, 8);
        }

        foreach (int width in (int[])[1, 3, 5, 8, 15, 16, 17, 40, 80, 160, 512])
        {
            yield return new AttentionCase(2, 2, 34, 50, width);
        }

        foreach (int tokens in (int[])[1, 2, 14, 32, 33, 77, 130, 290])
        {
            yield return new AttentionCase(2, 3, tokens, tokens, 16, Causal: true);
        }

        yield return new AttentionCase(0, 2, 5, 5, 8);
        yield return new AttentionCase(1, 2, 0, 5, 8);
        yield return new AttentionCase(1, 1, 40, 40, 8, Scale: 3f);
        yield return new AttentionCase(1, 1, 40, 200, 8, Scale: 0f);
    }

    /// <summary>
    /// Head widths in eights, as tensor cores take them: each variant and what is narrower, tails of queries and keys,
    /// more keys than are copied ahead, the causal mask across a tile.
    /// </summary>
    public static IEnumerable<AttentionCase> TensorCores()
    {
        foreach (int width in (int[])[24, 40, 48, 64, 72, 80, 96, 160])
        {
            yield return new AttentionCase(1, 2, 70, 77, width);
            yield return new AttentionCase(2, 1, 150, 150, width, Causal: true);
        }

        yield return new AttentionCase(2, 3, 130, 200, 40, Scale: 2f);
        yield return new AttentionCase(1, 1, 3, 1, 160);
    }

    /// <summary>Attention of Stable Diffusion 1.5 at 512 x 512, guidance on.</summary>
    public static IEnumerable<AttentionCase> StableDiffusion15()
    {
        yield return new AttentionCase(2, 8, 4096, 4096, 40);
        yield return new AttentionCase(2, 8, 1024, 1024, 80);
        yield return new AttentionCase(2, 8, 256, 256, 160);
        yield return new AttentionCase(2, 8, 64, 64, 160);
        yield return new AttentionCase(2, 8, 4096, 77, 40);
        yield return new AttentionCase(2, 8, 1024, 77, 80);
        yield return new AttentionCase(2, 12, 77, 77, 64, Causal: true);
        yield return new AttentionCase(1, 1, 4096, 4096, 512);
    }
}
