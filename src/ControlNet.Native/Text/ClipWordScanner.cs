using System;
using System.Buffers;
using System.Globalization;
using System.Text;

namespace ControlNet.Native.Text;

/// <summary>
/// Cuts normalised text into the words that byte pairs are merged in. Source: OpenAI CLIP, simple_tokenizer.py, the
/// pattern <c>'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+</c>, scanned by hand in one pass; the
/// byte-level split that Hugging Face runs afterwards cuts nothing further.
/// </summary>
internal ref struct ClipWordScanner(ReadOnlySpan<char> text)
{
    private static readonly string[] s_contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private ReadOnlySpan<char> _rest = text;

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    /// <summary>The word found by the last <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<char> Current { get; private set; }

    /// <summary>Moves to the next word; false at the end of the text.</summary>
    public bool MoveNext()
    {
        while (!_rest.IsEmpty)
        {
            int length = ContractionLength(_rest);
            Kind kind = Kind.Other;
            if (length == 0)
            {
                kind = KindOf(_rest, out length);

                // A number is a word of its own; letters and other characters run on.
                while (kind is Kind.Letter or Kind.Other && length < _rest.Length &&
                    KindOf(_rest[length..], out int next) == kind)
                {
                    length += next;
                }
            }

            Current = _rest[..length];
            _rest = _rest[length..];
            if (kind != Kind.Space)
            {
                return true;
            }
        }

        return false;
    }

    private static int ContractionLength(ReadOnlySpan<char> text)
    {
        if (text[0] == '\'')
        {
            foreach (string contraction in s_contractions)
            {
                if (text.StartsWith(contraction, StringComparison.Ordinal))
                {
                    return contraction.Length;
                }
            }
        }

        return 0;
    }

    private static Kind KindOf(ReadOnlySpan<char> text, out int length)
    {
        OperationStatus status = Rune.DecodeFromUtf16(text, out Rune rune, out length);
        if (status != OperationStatus.Done)
        {
            return Kind.Other;
        }

        if (ClipTextNormalizer.IsWhiteSpace(rune.Value))
        {
            return Kind.Space;
        }

        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
                or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
    }
}
