using System;
using System.Globalization;
using System.Text;

namespace ControlNet.Native.Messages;

/// <summary>Makes text of unknown origin fit to be shown: no control characters, no endless lines.</summary>
internal static class MessageText
{
    /// <summary>
    /// The longest message an exception of this library carries, in UTF-16 units; at most 1 KB of ASCII.
    /// </summary>
    public const int MaxMessage = 1000;

    private const int MaxName = 160;
    private const int MaxPath = 120;
    private const int MaxReason = 400;
    private const string Dots = "...";

    /// <summary>A name of unknown origin (tensor, key, dtype), escaped and cut to a readable length.</summary>
    public static string Name(string text) => Start(text, MaxName);

    /// <summary>A whole message, escaped and cut to <see cref="MaxMessage"/>.</summary>
    public static string Clip(string text) => Start(text, MaxMessage);

    /// <summary><c>path: reason</c>; of a long path the end is kept, of a long reason the start.</summary>
    public static string About(string path, string reason) => $"{End(path, MaxPath)}: {Start(reason, MaxReason)}";

    /// <summary>The escaped text, of a long one the start; dots stand for the rest.</summary>
    /// <param name="text">Anything.</param>
    /// <param name="longest">UTF-16 units of the result at the most, its dots included; 3 or more.</param>
    public static string Start(string text, int longest)
    {
        StringBuilder shown = new(Math.Min(text.Length, longest));
        int beforeDots = 0;
        for (int i = 0; i < text.Length; i++)
        {
            Append(shown, text, i);
            if (shown.Length > longest)
            {
                return shown.ToString(0, beforeDots) + Dots;
            }

            beforeDots = shown.Length <= longest - Dots.Length ? shown.Length : beforeDots;
        }

        return shown.ToString();
    }

    /// <summary>The escaped text, of a long one the end: what matters of a path.</summary>
    /// <param name="text">Anything.</param>
    /// <param name="longest">UTF-16 units of the result at the most, its dots included; 3 or more.</param>
    public static string End(string text, int longest)
    {
        StringBuilder piece = new();
        int length = 0, first = text.Length, beforeDots = text.Length;
        while (first > 0 && length <= longest)
        {
            first--;
            Append(piece.Clear(), text, first);
            length += piece.Length;
            beforeDots = length <= longest - Dots.Length ? first : beforeDots;
        }

        bool fits = length <= longest;
        StringBuilder shown = new(fits ? string.Empty : Dots);
        for (int i = fits ? 0 : beforeDots; i < text.Length; i++)
        {
            Append(shown, text, i);
        }

        return shown.ToString();
    }

    private static void Append(StringBuilder shown, string text, int index)
    {
        char c = text[index];
        if (IsPlain(c))
        {
            shown.Append(c);
        }
        else
        {
            shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }
    }

    // Format characters (U+202E and its kind) can turn a message round on a terminal, so they count as control.
    private static bool IsPlain(char c) => char.GetUnicodeCategory(c) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
