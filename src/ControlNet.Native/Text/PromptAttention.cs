using System;
using System.Buffers;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace ControlNet.Native.Text;

/// <summary>
/// The weights that brackets give to parts of a prompt. Source: A1111 stable-diffusion-webui 1.6 and later,
/// prompt_parser.py <c>parse_prompt_attention</c>, whose results it gives.
/// </summary>
/// <remarks>
/// <c>(x)</c> weighs 1.1 times as much, <c>[x]</c> 1 / 1.1, <c>(x:1.3)</c> 1.3 times; nested brackets multiply, and one
/// that is never closed acts to the end. A backslash makes a bracket behind it text. <c>BREAK</c> ends a chunk. What
/// the original fails at, a weight that is no number as in <c>(x:1.2.3)</c>, is text here, as <c>(x:1,3)</c> is there.
/// </remarks>
public static class PromptAttention
{
    private const double Round = 1.1;
    private const double Square = 1 / 1.1;

    private static readonly SearchValues<char> s_marks = SearchValues.Create("\\()[]:");

    /// <summary>Cuts a prompt into pieces of one weight each.</summary>
    /// <param name="text">Any text; none is wrong.</param>
    /// <returns>At least one piece; neighbours differ in weight.</returns>
    public static IReadOnlyList<WeightedText> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<WeightedText> pieces = [];
        Stack<int> round = new(), square = new();
        for (int at = 0; at < text.Length;)
        {
            char c = text[at];
            int next = at + 1;
            if (c == '\\')
            {
                // Before anything but a bracket or another one, a backslash is dropped.
                bool escapes = next < text.Length && text[next] is '(' or ')' or '[' or ']' or '\\';
                pieces.Add(new WeightedText(escapes ? text[next].ToString() : string.Empty, 1));
                next += escapes ? 1 : 0;
            }
            else if (c is '(' or '[')
            {
                (c == '(' ? round : square).Push(pieces.Count);
            }
            else if (c == ':' && round.Count > 0 && TryReadWeight(text, at, out double weight, out int end))
            {
                Multiply(pieces, round.Pop(), weight);
                next = end;
            }
            else if (c == ')' && round.Count > 0)
            {
                Multiply(pieces, round.Pop(), Round);
            }
            else if (c == ']' && square.Count > 0)
            {
                Multiply(pieces, square.Pop(), Square);
            }
            else
            {
                int run = text.AsSpan(next).IndexOfAny(s_marks);
                next = c is ':' or ')' or ']' ? next : run < 0 ? text.Length : next + run;
                AddText(pieces, text[at..next]);
            }

            at = next;
        }

        CloseAll(pieces, round, Round);
        CloseAll(pieces, square, Square);
        return Merged(pieces);
    }

    private static void AddText(List<WeightedText> pieces, string text)
    {
        List<string> parts = PromptWords.Split(text, WeightedText.Break.Text, trim: true);
        for (int i = 0; i < parts.Count; i++)
        {
            if (i > 0)
            {
                pieces.Add(WeightedText.Break);
            }

            pieces.Add(new WeightedText(parts[i], 1));
        }
    }

    /// <summary>Reads <c>: 1.3 )</c>, white space included; the sign is optional.</summary>
    private static bool TryReadWeight(string text, int colon, out double weight, out int end)
    {
        int from = SkipSpace(text, colon + 1), to = from;
        if (to < text.Length && text[to] is '+' or '-')
        {
            to++;
        }

        while (to < text.Length && (char.IsAsciiDigit(text[to]) || text[to] == '.'))
        {
            to++;
        }

        int bracket = SkipSpace(text, to);
        end = bracket + 1;
        weight = 0;
        return bracket < text.Length && text[bracket] == ')' && double.TryParse(
            text.AsSpan(from, to - from), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture, out weight);
    }

    private static int SkipSpace(string text, int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }

        return at;
    }

    /// <summary>Brackets that were never closed act to the end: one pass, however many there are.</summary>
    private static void CloseAll(List<WeightedText> pieces, Stack<int> open, double factor)
    {
        int[] starts = [.. open.Reverse()];
        double product = 1;
        for (int i = starts.Length > 0 ? starts[0] : pieces.Count, next = 0; i < pieces.Count; i++)
        {
            for (; next < starts.Length && starts[next] <= i; next++)
            {
                product *= factor;
            }

            pieces[i] = pieces[i] with { Weight = pieces[i].Weight * product };
        }
    }

    private static void Multiply(List<WeightedText> pieces, int start, double factor)
    {
        for (int i = start; i < pieces.Count; i++)
        {
            pieces[i] = pieces[i] with { Weight = pieces[i].Weight * factor };
        }
    }

    private static List<WeightedText> Merged(List<WeightedText> pieces)
    {
        List<WeightedText> merged = [];
        StringBuilder text = new();
        for (int i = 0; i < pieces.Count; i++)
        {
            text.Append(pieces[i].Text);
            if (i == pieces.Count - 1 || pieces[i + 1].Weight != pieces[i].Weight)
            {
                merged.Add(new WeightedText(text.ToString(), pieces[i].Weight));
                text.Clear();
            }
        }

        return merged.Count > 0 ? merged : [new WeightedText(string.Empty, 1)];
    }
}
