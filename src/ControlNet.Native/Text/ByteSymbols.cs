using System.Collections.Generic;

namespace ControlNet.Native.Text;

/// <summary>
/// The 256 printable characters that stand for bytes in vocabulary files. Source: Radford et al., 2019, GPT-2,
/// encoder.py, <c>bytes_to_unicode</c>.
/// </summary>
internal static class ByteSymbols
{
    /// <summary>Closes the last symbol of a word.</summary>
    public const string EndOfWord = "</w>";

    /// <summary>The character of each byte.</summary>
    public static IReadOnlyList<char> OfByte { get; } = Make();

    /// <summary>Bytes in the order that numbers them in the vocabulary: the printable ones first.</summary>
    public static IEnumerable<byte> VocabularyOrder()
    {
        for (int pass = 0; pass < 2; pass++)
        {
            for (int value = 0; value < 256; value++)
            {
                if (IsPrintable(value) == (pass == 0))
                {
                    yield return (byte)value;
                }
            }
        }
    }

    private static char[] Make()
    {
        char[] symbols = new char[256];
        int replaced = 0;
        for (int value = 0; value < symbols.Length; value++)
        {
            // Bytes without a printable character of their own take those from U+0100 on.
            symbols[value] = IsPrintable(value) ? (char)value : (char)(256 + replaced++);
        }

        return symbols;
    }

    private static bool IsPrintable(int value) =>
        value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
}
