using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Linq;
using System.Text;

namespace ControlNet.Native.Weights;

/// <summary>Recognises what users hand over in place of a safetensors file, by its first bytes.</summary>
internal static class FileKind
{
    /// <summary>Bytes worth looking at.</summary>
    public const int PeekBytes = 512;

    // Printable ASCII, line ends, tab, and everything UTF-8 uses above ASCII.
    private static readonly SearchValues<byte> s_textBytes = SearchValues.Create(
        [.. "\t\n\r"u8, .. Enumerable.Range(' ', '~' - ' ' + 1).Select(b => (byte)b),
            .. Enumerable.Range(0x80, 0x80).Select(b => (byte)b)]);

    /// <summary>
    /// What the file is and what to do about it, as the end of a sentence; null when nothing is recognised.
    /// </summary>
    public static string? Describe(ReadOnlySpan<byte> head)
    {
        // A plausible header length means a damaged safetensors file: 640 looks like the start of a pickle.
        if (head.Length < SafeTensorsHeader.LengthBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(head) <= SafeTensorsHeader.MaxHeaderBytes)
        {
            return null;
        }

        if (head.StartsWith("version https://git-lfs"u8))
        {
            return "this is a git-lfs pointer, not the file it points to; run 'git lfs pull' or download the file " +
                "itself";
        }

        ReadOnlySpan<byte> text = SkipBlanks(head);
        if (StartsWithIgnoringCase(text, "<!doctype") || StartsWithIgnoringCase(text, "<html"))
        {
            return "this is an HTML page, not a model; the download was answered by a web page, download the file " +
                "again";
        }

        if (head.StartsWith("PK\x03\x04"u8) || head.StartsWith("PK\x05\x06"u8))
        {
            return "this is a zip archive (a PyTorch .pt or .ckpt file); convert it to safetensors";
        }

        if (head.Length >= 2 && head[0] == 0x80 && head[1] is >= 2 and <= 5)
        {
            return "this is a Python pickle (.ckpt); pickles can run code and are never read, convert it to " +
                "safetensors";
        }

        if (head.StartsWith("GGUF"u8))
        {
            return "this is a GGUF file; use the safetensors file it was made from";
        }

        return !IsText(head) ? null
            : text.StartsWith("{"u8) ? "this is a JSON file, not a model; open the safetensors file it describes"
            : "this is a text file, not a model";
    }

    private static ReadOnlySpan<byte> SkipBlanks(ReadOnlySpan<byte> head)
    {
        head = head.StartsWith("\uFEFF"u8) ? head[3..] : head;
        return head.TrimStart(" \t\r\n"u8);
    }

    private static bool StartsWithIgnoringCase(ReadOnlySpan<byte> text, string start) =>
        text.Length >= start.Length && Ascii.EqualsIgnoreCase(text[..start.Length], start);

    private static bool IsText(ReadOnlySpan<byte> head) =>
        !head.ContainsAnyExcept(s_textBytes);
}
