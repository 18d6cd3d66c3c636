using System;
using System.Collections.Generic;

namespace ControlNet.Native.Text;

/// <summary>Finds key words of a prompt, such as <c>AND</c>, where they stand as words of their own.</summary>
internal static class PromptWords
{
    /// <summary>The parts between the occurrences of a word; one more than there are.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="word">Letters, matched in their own case.</param>
    /// <param name="trim">Whether white space beside the word belongs to it.</param>
    public static List<string> Split(string text, string word, bool trim)
    {
        List<string> parts = [];
        int begin = 0;
        for (int at = Next(text, word, 0); at >= 0; at = Next(text, word, at + word.Length))
        {
            int end = at, next = at + word.Length;
            while (trim && end > begin && char.IsWhiteSpace(text[end - 1]))
            {
                end--;
            }

            while (trim && next < text.Length && char.IsWhiteSpace(text[next]))
            {
                next++;
            }

            parts.Add(text[begin..end]);
            begin = next;
        }

        parts.Add(text[begin..]);
        return parts;
    }

    /// <summary>Whether a character continues a word: a letter, a number or an underscore.</summary>
    public static bool IsInWord(char c) => char.IsLetter(c) || char.IsNumber(c) || c == '_';

    private static int Next(string text, string word, int from)
    {
        while (from < text.Length && text.IndexOf(word, from, StringComparison.Ordinal) is int at and >= 0)
        {
            int end = at + word.Length;
            if ((at == 0 || !IsInWord(text[at - 1])) && (end == text.Length || !IsInWord(text[end])))
            {
                return at;
            }

            from = at + 1;
        }

        return -1;
    }
}
