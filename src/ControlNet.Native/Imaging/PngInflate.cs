using System;
using System.IO;
using System.IO.Compression;

namespace ControlNet.Native.Imaging;

/// <summary>
/// Takes zlib streams apart, never beyond what the caller can use. The runtime's decoder does the work; what it lets
/// pass is caught here: it takes a stream that stops early for a complete one, and says little about a bad header.
/// </summary>
internal static class PngInflate
{
    /// <summary>
    /// Bytes of 0xFF to put after a stream. A stream that stops early runs into them and fails: as an Adler-32 they are
    /// impossible (both halves are below 65521), as a block header reserved, as Huffman codes or stored bytes more
    /// data.
    /// </summary>
    public const int GuardBytes = 64;

    private const int FirstCapacity = 64 << 10;

    /// <summary>
    /// Inflates exactly <paramref name="expected"/> bytes and proves that the stream ends there, check included.
    /// </summary>
    /// <param name="guarded">The stream, then <see cref="GuardBytes"/> bytes to overwrite.</param>
    /// <param name="expected">Bytes of all scanlines.</param>
    /// <param name="name">What messages call the file.</param>
    /// <exception cref="ImageFormatException">The stream is damaged, too short or too long.</exception>
    public static byte[] Exactly(byte[] guarded, int expected, string name)
    {
        int streamBytes = guarded.Length - GuardBytes;
        string? problem = HeaderProblem(guarded.AsSpan(0, streamBytes));
        if (problem is not null)
        {
            throw new ImageFormatException(name, $"its compressed data {problem}; the file is damaged, copy it again");
        }

        guarded.AsSpan(streamBytes).Fill(0xFF);
        // Grows as data arrives: a header may promise more than the file holds.
        byte[] inflated = new byte[Math.Min(expected, Math.Max(FirstCapacity, streamBytes))];
        int count = 0;
        try
        {
            using ZLibStream zlib = new(new MemoryStream(guarded), CompressionMode.Decompress);
            while (count < expected)
            {
                if (count == inflated.Length)
                {
                    Array.Resize(ref inflated, (int)Math.Min(expected, 2L * inflated.Length));
                }

                int read = zlib.Read(inflated, count, inflated.Length - count);
                if (read == 0)
                {
                    throw new ImageFormatException(
                        name,
                        $"its compressed data holds {count} bytes, the picture needs {expected}; the file is " +
                        "truncated or damaged, copy it again");
                }

                count += read;
            }

            // The read that finds the end is also the one that compares Adler-32.
            if (zlib.ReadByte() >= 0)
            {
                throw new ImageFormatException(
                    name,
                    $"its compressed data holds more than the {expected} bytes of the picture; the file is " +
                    "damaged");
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw new ImageFormatException(
                name,
                $"its compressed data is corrupt after {count} of {expected} bytes or its Adler-32 does not " +
                "match; copy the file again");
        }

        return inflated;
    }

    /// <summary>Inflates a text of at most <paramref name="limit"/> bytes; null when it is damaged or longer.</summary>
    public static byte[]? AtMost(ReadOnlySpan<byte> stream, int limit)
    {
        if (HeaderProblem(stream) is not null)
        {
            return null;
        }

        byte[] guarded = new byte[stream.Length + GuardBytes];
        stream.CopyTo(guarded);
        guarded.AsSpan(stream.Length).Fill(0xFF);
        try
        {
            using ZLibStream zlib = new(new MemoryStream(guarded), CompressionMode.Decompress);
            using MemoryStream inflated = new();
            byte[] part = new byte[4096];
            int read;
            while ((read = zlib.Read(part)) > 0)
            {
                if (inflated.Length + read > limit)
                {
                    return null;
                }

                inflated.Write(part, 0, read);
            }

            return inflated.ToArray();
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return null;
        }
    }

    /// <summary>Source: RFC 1950, 2.2; PNG allows method 8, windows to 32 KiB and no preset dictionary.</summary>
    private static string? HeaderProblem(ReadOnlySpan<byte> stream) =>
        stream.Length < 2 ? $"has {stream.Length} bytes"
        : (stream[0] & 0x0F) != 8 ? $"uses method {stream[0] & 0x0F} instead of 8"
        : stream[0] >> 4 > 7 ? $"has window size {stream[0] >> 4}, the largest is 7"
        : ((stream[0] << 8) | stream[1]) % 31 != 0
            ? $"starts with {stream[0]:x2}{stream[1]:x2}, which is no zlib header"
        : (stream[1] & 0x20) != 0 ? "asks for a preset dictionary"
        : null;
}
