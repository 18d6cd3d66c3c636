using System;
using System.Buffers.Binary;

namespace ControlNet.Native.Imaging;

/// <summary>Chunk types as the big-endian number of their four letters.</summary>
internal static class PngChunkType
{
    public const uint Header = 0x49484452; // IHDR
    public const uint Palette = 0x504C5445; // PLTE
    public const uint Transparency = 0x74524E53; // tRNS
    public const uint Data = 0x49444154; // IDAT
    public const uint End = 0x49454E44; // IEND
    public const uint Text = 0x74455874; // tEXt
    public const uint CompressedText = 0x7A545874; // zTXt
    public const uint InternationalText = 0x69545874; // iTXt

    /// <summary>Bit 5 of the first letter: a decoder may skip the chunk.</summary>
    public static bool IsAncillary(uint type) => (type & 0x20000000) != 0;

    /// <summary>The four letters; what is no letter is written as hexadecimal.</summary>
    public static string Name(uint type)
    {
        string letters = string.Empty;
        for (int shift = 24; shift >= 0; shift -= 8)
        {
            char c = (char)((type >> shift) & 0xFF);
            letters += char.IsAsciiLetter(c) ? c.ToString() : $"<{(int)c:x2}>";
        }

        return letters;
    }

    /// <summary>Four letters, as the format demands.</summary>
    public static bool IsLetters(uint type) =>
        char.IsAsciiLetter((char)(type >> 24)) && char.IsAsciiLetter((char)((type >> 16) & 0xFF)) &&
        char.IsAsciiLetter((char)((type >> 8) & 0xFF)) && char.IsAsciiLetter((char)(type & 0xFF));
}

/// <summary>One chunk, its data still inside the file.</summary>
internal readonly ref struct PngChunk
{
    /// <summary>Bytes around the data: length, type, check.</summary>
    public const int Overhead = 12;

    public PngChunk(uint type, int offset, ReadOnlySpan<byte> data, uint declaredCrc, uint computedCrc)
    {
        Type = type;
        Offset = offset;
        Data = data;
        DeclaredCrc = declaredCrc;
        ComputedCrc = computedCrc;
    }

    public uint Type { get; }

    /// <summary>Where the length field starts in the file.</summary>
    public int Offset { get; }

    public ReadOnlySpan<byte> Data { get; }

    public uint DeclaredCrc { get; }

    public uint ComputedCrc { get; }

    public bool IsIntact => DeclaredCrc == ComputedCrc;
}

/// <summary>Walks the chunks of a file. Nothing is allocated for what the length fields claim.</summary>
internal ref struct PngChunks
{
    /// <summary>Most bytes of a chunk a decoder may skip, 8 MiB.</summary>
    public const int MaxAncillaryBytes = 8 << 20;

    private readonly ReadOnlySpan<byte> _file;
    private readonly string _name;
    private int _next;

    /// <summary>Starts after the signature, which must have been checked.</summary>
    public PngChunks(ReadOnlySpan<byte> file, string name)
    {
        _file = file;
        _name = name;
        _next = PngSignature.Bytes.Length;
    }

    /// <summary>Reads the next chunk.</summary>
    /// <exception cref="ImageFormatException">The file ends, or the length or type field is illegal.</exception>
    public PngChunk Read()
    {
        int left = _file.Length - _next;
        if (left < PngChunk.Overhead)
        {
            throw new ImageFormatException(
                _name, $"the file ends at byte {_file.Length} before its IEND chunk; it is truncated, copy it again");
        }

        int offset = _next;
        ReadOnlySpan<byte> rest = _file[offset..];
        uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
        uint type = BinaryPrimitives.ReadUInt32BigEndian(rest[4..]);
        if (!PngChunkType.IsLetters(type))
        {
            throw new ImageFormatException(
                _name, $"a chunk at byte {offset} has the illegal type {PngChunkType.Name(type)}; the file is damaged");
        }

        if (length > left - PngChunk.Overhead)
        {
            throw new ImageFormatException(
                _name,
                $"chunk {PngChunkType.Name(type)} at byte {offset} claims {length} bytes, the file has " +
                $"{left - PngChunk.Overhead} left; it is truncated or damaged, copy it again");
        }

        if (PngChunkType.IsAncillary(type) && length > MaxAncillaryBytes)
        {
            throw new ImageFormatException(
                _name,
                $"chunk {PngChunkType.Name(type)} at byte {offset} has {length} bytes, more than the limit of " +
                $"{MaxAncillaryBytes}; save the picture without its metadata");
        }

        int count = (int)length;
        uint declared = BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + count)..]);
        uint computed = Crc32.Of(rest.Slice(4, 4 + count));
        _next = offset + PngChunk.Overhead + count;
        return new PngChunk(type, offset, rest.Slice(8, count), declared, computed);
    }
}
