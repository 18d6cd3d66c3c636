using System.Globalization;
using System.Text;

namespace ControlNet.Native.Imaging;

/// <summary>
/// Keeps messages about hostile files readable: one line, no control characters, a bounded length.
/// </summary>
internal static class ImageMessage
{
    private const int MaxNameChars = 120;
    private const int MaxReasonChars = 400;

    /// <summary>
    /// <c>name: reason</c>, both made printable; of a long name the end is kept, of a long reason the start.
    /// </summary>
    public static string Of(string name, string reason)
    {
        string shown = Printable(name), said = Printable(reason);
        shown = shown.Length <= MaxNameChars ? shown : "..." + shown[^MaxNameChars..];
        return shown + ": " + (said.Length <= MaxReasonChars ? said : said[..MaxReasonChars] + "...");
    }

    /// <summary>The text with control characters, surrogates and direction marks written as <c>\u0007</c>.</summary>
    public static string Printable(string text)
    {
        StringBuilder line = new(text.Length);
        foreach (char c in text)
        {
            UnicodeCategory category = char.GetUnicodeCategory(c);
            bool hidden = category is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            line = hidden ? line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}") : line.Append(c);
        }

        return line.ToString();
    }
}
