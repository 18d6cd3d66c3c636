namespace ControlNet.Native.Text;

/// <summary>A piece of a prompt and how strongly it counts.</summary>
/// <param name="Text">The piece, without the brackets that weighted it.</param>
/// <param name="Weight">1 is as the text encoder has it.</param>
public readonly record struct WeightedText(string Text, double Weight)
{
    /// <summary>The mark between two chunks.</summary>
    internal static WeightedText Break { get; } = new("BREAK", -1);

    /// <summary>
    /// Whether the piece is no text but ends a chunk. The word inside of brackets is text, because brackets weigh it.
    /// </summary>
    public bool IsBreak => Weight == Break.Weight && Text == Break.Text;
}
