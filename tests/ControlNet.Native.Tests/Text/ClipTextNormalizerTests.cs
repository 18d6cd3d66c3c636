using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using ControlNet.Native.Text;
using Xunit;

namespace ControlNet.Native.Tests.Text;

public class ClipTextNormalizerTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("  A \t\r\n B  ", " a b ")]
    [InlineData("a\u000Bb\u000Cc\u0085d\u00A0e\u1680f\u2003g\u2028h\u3000i", "a b c d e f g h i")]
    [InlineData("a\u001Cb\u200Bc\u180Ed", "a\u001Cb\u200Bc\u180Ed")]
    [InlineData("\u0130", "i\u0307")]
    [InlineData("I\u0307", "i\u0307")]
    [InlineData("\u039F\u03A3", "\u03BF\u03C3")]
    [InlineData("\u1E9E\u01C5\u212A", "\u00DF\u01C6k")]
    [InlineData("\uFF21\uFB01", "\uFF41\uFB01")]
    [InlineData("\uD801\uDC00", "\uD801\uDC28")]
    [InlineData("&amp;", "&amp;")]
    public void Normalises_as_the_fast_tokenizer_does(string text, string expected) =>
        Assert.Equal(expected, ClipTextNormalizer.Normalize(text));

    /// <summary>As numbers, for an attribute cannot hold such a string.</summary>
    [Theory]
    [InlineData(0x61, 0xD800, 0x62)]
    [InlineData(0x61, 0xDC00, 0x62)]
    [InlineData(0xDC00, 0xFFFD, 0xD800)]
    public void A_lone_surrogate_becomes_the_replacement_character(int first, int second, int third)
    {
        string text = new([(char)first, (char)second, (char)third]);
        string expected = string.Concat(text.Select(unit => char.IsSurrogate(unit) ? '\uFFFD' : unit));

        Assert.Equal(expected, ClipTextNormalizer.Normalize(text));
    }

    [Theory]
    [InlineData("e\u0301", "\u00E9")]
    [InlineData("\u0301", "\u0301")]
    [InlineData("A\u030A", "\u00C5")]
    [InlineData("\u212B", "\u00C5")]
    [InlineData("s\u0323\u0307", "\u1E69")]
    [InlineData("s\u0307\u0323", "\u1E69")]
    [InlineData("e\u0301\u0301", "\u00E9\u0301")]
    [InlineData("a\u0316\u0301", "\u00E1\u0316")]
    [InlineData("\u0915\u093C", "\u0915\u093C")]
    [InlineData("\u0958", "\u0915\u093C")]
    [InlineData("\u1100\u1161\u11A8", "\uAC01")]
    [InlineData("\uAC00\u11A8", "\uAC01")]
    [InlineData("\uAC01\u11A8", "\uAC01\u11A8")]
    [InlineData("\u0344", "\u0308\u0301")]
    [InlineData("\uD834\uDD5E", "\uD834\uDD57\uD834\uDD65")]
    [InlineData("\uF900", "\u8C48")]
    public void Composes_canonically(string text, string expected) =>
        Assert.Equal(expected, CanonicalComposition.Normalize(text));

    /// <summary>Every syllable by arithmetic both ways; one step off anywhere breaks thousands.</summary>
    [Fact]
    public void Every_hangul_syllable_is_its_jamo()
    {
        for (int syllable = 0xAC00; syllable <= 0xD7A3; syllable++)
        {
            int index = syllable - 0xAC00;
            StringBuilder jamo = new();
            jamo.Append((char)(0x1100 + index / 588)).Append((char)(0x1161 + index % 588 / 28));
            if (index % 28 != 0)
            {
                jamo.Append((char)(0x11A7 + index % 28));
            }

            string composed = ((char)syllable).ToString();
            Assert.Equal(composed, CanonicalComposition.Normalize(jamo.ToString()));
            Assert.Equal(composed, CanonicalComposition.Normalize(composed));
        }
    }

    [Fact]
    public void Normalising_twice_changes_nothing_more()
    {
        Random random = new(7);
        List<int> pool =
            [.. Enumerable.Range(0x41, 58), .. Enumerable.Range(0x300, 0x70), .. Enumerable.Range(0x1E00, 256)];
        for (int round = 0; round < 2000; round++)
        {
            string text = string.Concat(
                Enumerable.Range(0, 10).Select(_ => (char)pool[random.Next(pool.Count)]));
            string once = CanonicalComposition.Normalize(text);
            Assert.Equal(once, CanonicalComposition.Normalize(once));
        }
    }
}
