using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;

namespace ControlNet.Native.Imaging;

/// <summary>Makes 8-bit RGB files: header, text, one IDAT, end. Source: W3C PNG, third edition.</summary>
internal static class PngWriter
{
    private const int PixelBytes = 3;

    /// <param name="image">The picture.</param>
    /// <param name="text">Entries of text, in the order they are to have.</param>
    /// <param name="name">What messages call the file.</param>
    /// <exception cref="ImageFormatException">A text entry cannot be stored.</exception>
    public static byte[] Write(RgbImage image, IReadOnlyList<PngText> text, string name)
    {
        using MemoryStream file = new();
        file.Write(PngSignature.Bytes);

        Span<byte> header = stackalloc byte[PngHeader.ChunkBytes];
        header.Clear(); // compression, filter and interlace method 0
        BinaryPrimitives.WriteInt32BigEndian(header, image.Width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], image.Height);
        header[8] = 8;
        header[9] = (byte)PngColorType.Rgb;
        WriteChunk(file, PngChunkType.Header, header);

        foreach (PngText entry in text)
        {
            (uint type, byte[] data) = PngTextChunks.Write(entry, name);
            WriteChunk(file, type, data);
        }

        using MemoryStream compressed = Compress(image);
        WriteChunk(file, PngChunkType.Data, compressed.GetBuffer().AsSpan(0, (int)compressed.Length));
        WriteChunk(file, PngChunkType.End, []);
        return file.ToArray();
    }

    private static MemoryStream Compress(RgbImage image)
    {
        MemoryStream compressed = new();
        using ZLibStream zlib = new(compressed, CompressionLevel.Optimal, leaveOpen: true);
        int rowBytes = image.Width * PixelBytes;
        byte[] candidate = new byte[1 + rowBytes], best = new byte[1 + rowBytes];
        ReadOnlySpan<byte> above = new byte[rowBytes]; // the row above the first one is 0
        for (int y = 0; y < image.Height; y++)
        {
            ReadOnlySpan<byte> row = image.Pixels.Slice(y * rowBytes, rowBytes);
            long least = long.MaxValue;
            for (int filter = 0; filter < PngFilters.Count; filter++)
            {
                candidate[0] = (byte)filter;
                PngFilters.Apply(filter, row, above, PixelBytes, candidate.AsSpan(1));
                long size = SumOfMagnitudes(candidate.AsSpan(1));
                if (size < least)
                {
                    least = size;
                    (candidate, best) = (best, candidate);
                }
            }

            zlib.Write(best);
            above = row;
        }

        return compressed;
    }

    /// <summary>What stands for the compressed size of a row. Source: W3C PNG, third edition, 12.7.</summary>
    private static long SumOfMagnitudes(ReadOnlySpan<byte> filtered)
    {
        long sum = 0;
        foreach (byte b in filtered)
        {
            sum += b < 128 ? b : 256 - b;
        }

        return sum;
    }

    private static void WriteChunk(MemoryStream file, uint type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        int start = (int)file.Length;
        BinaryPrimitives.WriteUInt32BigEndian(number, type);
        file.Write(number);
        file.Write(data);
        ReadOnlySpan<byte> proven = file.GetBuffer().AsSpan(start, (int)file.Length - start);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.Of(proven));
        file.Write(number);
    }
}
