namespace ControlNet.Native.Imaging;

/// <summary>One entry of text kept inside a PNG.</summary>
/// <param name="Keyword">
/// What it is: 1 to 79 characters of Latin-1, no spaces at the ends or in pairs. Generators use <c>parameters</c>.
/// </param>
/// <param name="Text">Any text without the NUL character; lines end with <c>\n</c>.</param>
public sealed record PngText(string Keyword, string Text);
