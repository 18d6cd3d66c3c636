using System;
using System.Collections.Generic;
using System.Text;

namespace ControlNet.Native.Text;

/// <summary>
/// Unicode normalisation form C (UAX #15). <see cref="string.Normalize()"/> returns its input unchanged under
/// <c>InvariantGlobalization</c> and follows the ICU of the machine otherwise; the same prompt must give the same
/// tokens everywhere, so the table is ours.
/// </summary>
internal static class CanonicalComposition
{
    // No code point below this one combines, decomposes without coming back, or is the second half of a pair.
    private const char FirstAffected = '\u0300';

    // Hangul syllables compose by arithmetic: Unicode 3.12, "Conjoining Jamo Behavior".
    private const int LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7, SyllableBase = 0xAC00;
    private const int LeadCount = 19, VowelCount = 21, TrailCount = 28;
    private const int SyllableCount = LeadCount * VowelCount * TrailCount;

    private static readonly Lazy<CanonicalTable> s_table = new(CanonicalTable.Read);

    /// <summary>Normalises; each lone surrogate becomes U+FFFD. Time is O(n log n) whatever the text.</summary>
    public static string Normalize(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange(FirstAffected, char.MaxValue))
        {
            return text;
        }

        CanonicalTable table = s_table.Value;
        List<int> codes = Decompose(text, table);
        byte[] classes = new byte[codes.Count];
        for (int i = 0; i < classes.Length; i++)
        {
            classes[i] = table.CombiningClass(codes[i]);
        }

        int[] ordered = [.. codes];
        Reorder(ordered, classes);
        int count = Compose(ordered, classes, table);

        StringBuilder composed = new(count);
        Span<char> units = stackalloc char[2];
        foreach (int code in ordered.AsSpan(0, count))
        {
            composed.Append(units[..new Rune(code).EncodeToUtf16(units)]);
        }

        return composed.ToString();
    }

    private static List<int> Decompose(string text, CanonicalTable table)
    {
        List<int> codes = new(text.Length);
        Stack<int> seconds = new();
        foreach (Rune rune in text.EnumerateRunes())
        {
            int code = rune.Value;
            int syllable = code - SyllableBase;
            if (syllable is >= 0 and < SyllableCount)
            {
                codes.Add(LeadBase + syllable / (VowelCount * TrailCount));
                codes.Add(VowelBase + syllable % (VowelCount * TrailCount) / TrailCount);
                if (syllable % TrailCount != 0)
                {
                    codes.Add(TrailBase + syllable % TrailCount);
                }

                continue;
            }

            // Only the first half of a pair can decompose further.
            while (table.TryDecompose(code, out int first, out int second))
            {
                if (second != 0)
                {
                    seconds.Push(second);
                }

                code = first;
            }

            codes.Add(code);
            while (seconds.TryPop(out int second))
            {
                codes.Add(second);
            }
        }

        return codes;
    }

    /// <summary>Sorts each run of non-starters by combining class, keeping the order of equals.</summary>
    private static void Reorder(int[] codes, byte[] classes)
    {
        int start = 0;
        while (start < codes.Length)
        {
            if (classes[start] == 0)
            {
                start++;
                continue;
            }

            int end = start + 1;
            bool sorted = true;
            while (end < codes.Length && classes[end] != 0)
            {
                sorted &= classes[end - 1] <= classes[end];
                end++;
            }

            if (!sorted)
            {
                // Class above position makes an unstable sort stable.
                long[] keys = new long[end - start];
                for (int i = 0; i < keys.Length; i++)
                {
                    keys[i] = ((long)classes[start + i] << 32) | (uint)i;
                }

                MemoryExtensions.Sort(keys.AsSpan(), codes.AsSpan(start, keys.Length));
                for (int i = 0; i < keys.Length; i++)
                {
                    classes[start + i] = (byte)(keys[i] >> 32);
                }
            }

            start = end;
        }
    }

    /// <summary>Composes in place (UAX #15, definition D117).</summary>
    /// <returns>How many code points remain.</returns>
    private static int Compose(int[] codes, byte[] classes, CanonicalTable table)
    {
        int starter = -1, written = 0;
        int previousClass = 0;
        for (int i = 0; i < codes.Length; i++)
        {
            int code = codes[i];
            int combiningClass = classes[i];

            // Blocked when something of the same or a higher class stands between the starter and this one.
            bool adjacent = written - 1 == starter;
            if (starter >= 0 && (adjacent || previousClass < combiningClass) &&
                TryCompose(codes[starter], code, table, out int composed))
            {
                codes[starter] = composed;
                continue;
            }

            if (combiningClass == 0)
            {
                starter = written;
            }

            previousClass = combiningClass;
            codes[written++] = code;
        }

        return written;
    }

    private static bool TryCompose(int first, int second, CanonicalTable table, out int composed)
    {
        int lead = first - LeadBase, vowel = second - VowelBase;
        if (lead is >= 0 and < LeadCount && vowel is >= 0 and < VowelCount)
        {
            composed = SyllableBase + (lead * VowelCount + vowel) * TrailCount;
            return true;
        }

        int syllable = first - SyllableBase, trail = second - TrailBase;
        if (syllable is >= 0 and < SyllableCount && syllable % TrailCount == 0 && trail is > 0 and < TrailCount)
        {
            composed = first + trail;
            return true;
        }

        return table.TryCompose(first, second, out composed);
    }
}
