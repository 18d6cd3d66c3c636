using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace ControlNet.Native.Imaging;

/// <summary>
/// tEXt (Latin-1), zTXt (the same, compressed) and iTXt (UTF-8) chunks. Source: W3C PNG, third edition, 11.3.3. An
/// entry that cannot be read is left out: text never costs a picture.
/// </summary>
internal static class PngTextChunks
{
    /// <summary>Most bytes one compressed text may inflate to, 1 MiB.</summary>
    public const int MaxInflatedBytes = 1 << 20;

    /// <summary>Most characters kept of all entries of a file, 8 Mi.</summary>
    public const int MaxChars = 8 << 20;

    private const int MaxKeywordBytes = 79;

    private static readonly UTF8Encoding s_utf8 =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static bool IsText(uint type) =>
        type is PngChunkType.Text or PngChunkType.CompressedText or PngChunkType.InternationalText;

    /// <summary>
    /// Reads one chunk; null when its fields are damaged, its text is no valid UTF-8, or it inflates too far.
    /// </summary>
    public static PngText? Read(uint type, ReadOnlySpan<byte> data)
    {
        int keywordBytes = data.IndexOf((byte)0);
        if (keywordBytes is < 1 or > MaxKeywordBytes)
        {
            return null;
        }

        string keyword = Encoding.Latin1.GetString(data[..keywordBytes]);
        ReadOnlySpan<byte> rest = data[(keywordBytes + 1)..];
        switch (type)
        {
            case PngChunkType.Text:
                return new PngText(keyword, Encoding.Latin1.GetString(rest));
            case PngChunkType.CompressedText:
                byte[]? latin = rest.Length > 0 && rest[0] == 0 ? PngInflate.AtMost(rest[1..], MaxInflatedBytes) : null;
                return latin is null ? null : new PngText(keyword, Encoding.Latin1.GetString(latin));
            default:
                return ReadInternational(keyword, rest);
        }
    }

    /// <summary>Compression flag, method, language, NUL, translated keyword, NUL, UTF-8.</summary>
    private static PngText? ReadInternational(string keyword, ReadOnlySpan<byte> rest)
    {
        if (rest.Length < 2 || rest[0] > 1 || rest[1] != 0)
        {
            return null;
        }

        bool compressed = rest[0] == 1;
        rest = rest[2..];
        for (int field = 0; field < 2; field++)
        {
            int end = rest.IndexOf((byte)0);
            if (end < 0)
            {
                return null;
            }

            rest = rest[(end + 1)..];
        }

        byte[]? inflated = compressed ? PngInflate.AtMost(rest, MaxInflatedBytes) : [];
        if (inflated is null)
        {
            return null;
        }

        try
        {
            return new PngText(keyword, s_utf8.GetString(compressed ? inflated : rest));
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>The chunk of an entry: tEXt where Latin-1 suffices, else iTXt.</summary>
    /// <exception cref="ImageFormatException">The keyword or the text cannot be stored.</exception>
    public static (uint Type, byte[] Data) Write(PngText entry, string name)
    {
        CheckKeyword(entry.Keyword, name);
        byte[] keyword = Encoding.Latin1.GetBytes(entry.Keyword);
        if (entry.Text.Contains('\0', StringComparison.Ordinal))
        {
            throw new ImageFormatException(
                name, $"the text of '{entry.Keyword}' holds a NUL character, which PNG cannot store; remove it");
        }

        bool latin = entry.Text.All(c => c is '\n' or (>= ' ' and <= '~') or (>= '\u00a0' and <= '\u00ff'));
        List<byte> data = [.. keyword, 0];
        try
        {
            if (!latin)
            {
                data.AddRange([0, 0, 0, 0]); // not compressed, method 0, empty language, empty translated keyword
            }

            data.AddRange(latin ? Encoding.Latin1.GetBytes(entry.Text) : s_utf8.GetBytes(entry.Text));
        }
        catch (EncoderFallbackException)
        {
            throw new ImageFormatException(
                name,
                $"the text of '{entry.Keyword}' holds half of a surrogate pair, which is no character; remove " +
                "it");
        }

        if (data.Count > PngChunks.MaxAncillaryBytes)
        {
            throw new ImageFormatException(
                name,
                $"the text of '{entry.Keyword}' needs {data.Count} bytes, more than the limit of " +
                $"{PngChunks.MaxAncillaryBytes}; shorten it");
        }

        return (latin ? PngChunkType.Text : PngChunkType.InternationalText, data.ToArray());
    }

    private static void CheckKeyword(string keyword, string name)
    {
        bool legal = keyword.Length is >= 1 and <= MaxKeywordBytes && keyword[0] != ' ' && keyword[^1] != ' ' &&
            !keyword.Contains("  ", StringComparison.Ordinal) &&
            keyword.All(c => c is (>= ' ' and <= '~') or (>= '\u00a1' and <= '\u00ff'));
        if (!legal)
        {
            throw new ImageFormatException(
                name,
                $"the text keyword '{keyword}' is not 1 to {MaxKeywordBytes} printable Latin-1 characters without " +
                "spaces at the ends or in pairs; choose another");
        }
    }
}
