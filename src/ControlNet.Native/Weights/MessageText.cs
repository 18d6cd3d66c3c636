using System;
using System.Globalization;
using System.Text;

namespace ControlNet.Native.Weights;

/// <summary>Makes text that came out of a file fit to be shown: no control characters, no endless lines.</summary>
internal static class MessageText
{
    /// <summary>
    /// The longest message an exception of this library carries, in UTF-16 units; at most 1 KB of ASCII.
    /// </summary>
    public const int MaxMessage = 1000;

    private const int MaxName = 160;

    /// <summary>A name of unknown origin (tensor, key, dtype), escaped and cut to a readable length.</summary>
    public static string Name(string text) => Escape(text, MaxName);

    /// <summary>A whole message, escaped and cut to <see cref="MaxMessage"/>.</summary>
    public static string Clip(string text) => Escape(text, MaxMessage);

    private static string Escape(string text, int limit)
    {
        StringBuilder shown = new(Math.Min(text.Length, limit) + 8);
        foreach (char c in text)
        {
            string piece = IsPlain(c) ? c.ToString() : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            if (shown.Length + piece.Length > limit - 3)
            {
                return shown.Append("...").ToString();
            }

            shown.Append(piece);
        }

        return shown.ToString();
    }

    // Format characters (U+202E and its kind) can turn a message round on a terminal, so they count as control.
    private static bool IsPlain(char c) => char.GetUnicodeCategory(c) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
