using System;

namespace ControlNet.Native.Imaging;

/// <summary>The first eight bytes of a PNG, and names for what users pass instead.</summary>
internal static class PngSignature
{
    /// <summary>Source: W3C PNG, third edition, 5.2.</summary>
    public static ReadOnlySpan<byte> Bytes => [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];

    /// <exception cref="ImageFormatException">The file starts otherwise; the message says what it looks
    /// like.</exception>
    public static void Check(ReadOnlySpan<byte> file, string name)
    {
        if (file.StartsWith(Bytes))
        {
            return;
        }

        throw new ImageFormatException(
            name, $"is {Guess(file)}; only PNG is read, convert the picture or fetch it again");
    }

    private static string Guess(ReadOnlySpan<byte> file)
    {
        if (file.IsEmpty)
        {
            return "an empty file";
        }

        if (file.StartsWith(Bytes[..Math.Min(Bytes.Length, file.Length)]))
        {
            return $"a PNG cut off after {file.Length} bytes";
        }

        return file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]) ? "a JPEG"
            : file.StartsWith("GIF8"u8) ? "a GIF"
            : file.StartsWith("BM"u8) ? "a BMP"
            : file.StartsWith("RIFF"u8) && file.Length >= 12 && file[8..].StartsWith("WEBP"u8) ? "a WebP"
            : file.StartsWith((ReadOnlySpan<byte>)[0x8A, (byte)'M', (byte)'N', (byte)'G']) ? "an MNG animation"
            : file.StartsWith("version https://git-lfs"u8) ? "a git-lfs pointer, not the picture itself"
            : file[0] == (byte)'<' ? "a web page or SVG"
            : file.Length >= 4 && file[1..].StartsWith("PNG"u8) ? "a PNG damaged by a text-mode transfer"
            : "not a PNG";
    }
}
