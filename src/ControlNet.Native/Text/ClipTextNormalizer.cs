using System.Text;

namespace ControlNet.Native.Text;

/// <summary>
/// What happens to a prompt before it is cut into words: normalisation form C, every run of white space to one space,
/// lower case. Source: the normalizer of Hugging Face's fast CLIP tokenizer (NFC, Replace <c>\s+</c>, Lowercase); it
/// neither repairs text (ftfy) nor removes control characters nor unescapes HTML.
/// </summary>
internal static class ClipTextNormalizer
{
    /// <summary>Normalises; a lone surrogate becomes U+FFFD.</summary>
    public static string Normalize(string text)
    {
        StringBuilder normal = new(text.Length);
        bool afterSpace = false;
        foreach (Rune rune in CanonicalComposition.Normalize(text).EnumerateRunes())
        {
            bool space = IsWhiteSpace(rune.Value);
            if (space && !afterSpace)
            {
                normal.Append(' ');
            }
            else if (rune.Value == 0x130)
            {
                // The one code point whose lower case is two; .NET leaves it as it is.
                normal.Append("i\u0307");
            }
            else if (rune.IsAscii && !space)
            {
                normal.Append(char.ToLowerInvariant((char)rune.Value));
            }
            else if (!space)
            {
                // Each by itself: sigma at the end of a word becomes the ordinary small sigma.
                normal.Append(Rune.ToLowerInvariant(rune).ToString());
            }

            afterSpace = space;
        }

        return normal.ToString();
    }

    /// <summary>The Unicode property White_Space. It excludes U+001C to U+001F.</summary>
    public static bool IsWhiteSpace(int code) => code is
        (>= 0x09 and <= 0x0D) or 0x20 or 0x85 or 0xA0 or 0x1680 or (>= 0x2000 and <= 0x200A)
        or 0x2028 or 0x2029 or 0x202F or 0x205F or 0x3000;
}
