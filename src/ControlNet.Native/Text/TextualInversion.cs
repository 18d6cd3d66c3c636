using System;

namespace ControlNet.Native.Text;

/// <summary>
/// Rows that stand for a word the text encoder has not learnt. Source: Gal et al., 2022, arXiv:2208.01618.
/// </summary>
/// <param name="Name">The word of a prompt that stands for them, whatever its case.</param>
/// <param name="Values"><c>[Count, Width]</c>, finite.</param>
/// <param name="Count">How many tokens they take.</param>
internal sealed record TextualInversion(string Name, ReadOnlyMemory<float> Values, int Count)
{
    /// <summary>Elements of a row: 768 for Stable Diffusion 1.x, 1024 for 2.x.</summary>
    public int Width => Values.Length / Count;
}
