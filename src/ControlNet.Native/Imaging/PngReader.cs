using System;
using System.Buffers.Binary;
using System.Collections.Generic;

namespace ControlNet.Native.Imaging;

/// <summary>
/// Proves a whole file and undoes compression and filters. What decides the pixels (critical chunks, tRNS, the zlib
/// stream) must be sound to the last bit; what does not (text, colour profiles, unknown ancillary chunks) is left out
/// when damaged. Colour management is not applied. Source: W3C PNG, third edition.
/// </summary>
internal ref struct PngReader
{
    /// <summary>Deflate cannot do better than 258 bytes for two bits; above it a header promises too much.</summary>
    private const long MaxDeflateRatio = 1032;

    private readonly ReadOnlySpan<byte> _file;
    private readonly string _name;
    private readonly List<PngText> _text = [];
    private PngHeader _header;
    private PngPalette? _palette;
    private ushort[]? _transparent; // the one grey or RGB value that is transparent, at the depth of the file
    private bool _sawTransparency;
    private int _firstData = -1; // offset of the first IDAT
    private int _dataEnd; // offset behind the last IDAT
    private long _dataBytes; // of all IDATs
    private int _textChars;

    private PngReader(ReadOnlySpan<byte> file, string name)
    {
        _file = file;
        _name = name;
    }

    /// <exception cref="ImageFormatException">Whatever is wrong with the file; no other exception leaves.</exception>
    public static PngImage Read(ReadOnlySpan<byte> file, string name)
    {
        PngSignature.Check(file, name);
        PngReader reader = new(file, name);
        reader.ReadChunks();
        return reader.ReadPixels();
    }

    private void ReadChunks()
    {
        PngChunks chunks = new(_file, _name);
        PngChunk chunk = chunks.Read();
        if (chunk.Type != PngChunkType.Header)
        {
            string apple = PngChunkType.Name(chunk.Type) == "CgBI" ? ", Apple's own variant" : string.Empty;
            throw Problem(chunk, $"is first instead of IHDR{apple}; save the picture again as a standard PNG");
        }

        CheckCrc(chunk);
        _header = PngHeader.Parse(chunk.Data, _name);
        do
        {
            chunk = chunks.Read();
            if (PngTextChunks.IsText(chunk.Type))
            {
                ReadText(chunk);
            }
            else if (!PngChunkType.IsAncillary(chunk.Type) || chunk.Type == PngChunkType.Transparency)
            {
                CheckCrc(chunk);
                ReadPixelChunk(chunk);
            }
        }
        while (chunk.Type != PngChunkType.End);
    }

    private void ReadPixelChunk(in PngChunk chunk)
    {
        switch (chunk.Type)
        {
            case PngChunkType.Header:
                throw Problem(chunk, "is a second header; the file is damaged");
            case PngChunkType.Palette:
                ReadPalette(chunk);
                break;
            case PngChunkType.Transparency:
                ReadTransparency(chunk);
                break;
            case PngChunkType.Data:
                ReadData(chunk);
                break;
            case PngChunkType.End:
                CheckEnd(chunk);
                break;
            default:
                throw Problem(chunk, "is critical and unknown; save the picture again as a standard PNG");
        }
    }

    private void ReadPalette(in PngChunk chunk)
    {
        if (_palette is not null || _sawTransparency || _firstData >= 0)
        {
            throw Problem(chunk, "is the second palette or comes after tRNS or IDAT; the file is damaged");
        }

        if (_header.ColorType is PngColorType.Grey or PngColorType.GreyAlpha)
        {
            throw Problem(chunk, "is a palette in a grey picture; the file is damaged");
        }

        int most = _header.ColorType == PngColorType.Palette ? 1 << _header.BitDepth : 256;
        int entries = chunk.Data.Length / 3;
        if (chunk.Data.Length % 3 != 0 || entries < 1 || entries > most)
        {
            throw Problem(
                chunk,
                $"has {chunk.Data.Length} bytes; a palette here has 3 for each of 1 to {most} entries; the file " +
                "is damaged");
        }

        _palette = new PngPalette(chunk.Data);
    }

    private void ReadTransparency(in PngChunk chunk)
    {
        bool late = _sawTransparency || _firstData >= 0;
        _sawTransparency = true;
        int bytes = chunk.Data.Length;
        switch (_header.ColorType)
        {
            case PngColorType.GreyAlpha or PngColorType.Rgba:
                return; // forbidden and meaningless: every pixel has its alpha already
            case PngColorType.Palette when !late && _palette is not null && bytes <= _palette.Count:
                _palette.SetAlpha(chunk.Data);
                return;
            case PngColorType.Grey or PngColorType.Rgb when !late && bytes == 2 * _header.Channels:
                // Only the bits of the depth count; the others should be 0.
                int mask = (1 << _header.BitDepth) - 1;
                _transparent = new ushort[_header.Channels];
                for (int c = 0; c < _transparent.Length; c++)
                {
                    _transparent[c] = (ushort)(BinaryPrimitives.ReadUInt16BigEndian(chunk.Data[(2 * c)..]) & mask);
                }

                return;
            default:
                throw Problem(chunk, $"has {bytes} bytes or comes at the wrong place; the file is damaged");
        }
    }

    private void ReadData(in PngChunk chunk)
    {
        if (_header.ColorType == PngColorType.Palette && _palette is null)
        {
            throw Problem(chunk, "comes before the PLTE chunk its colours need; the file is damaged");
        }

        if (_firstData < 0)
        {
            _firstData = chunk.Offset;
        }
        else if (chunk.Offset != _dataEnd)
        {
            throw Problem(chunk, "does not follow the IDAT before it; the file is damaged");
        }

        _dataEnd = chunk.Offset + PngChunk.Overhead + chunk.Data.Length;
        _dataBytes += chunk.Data.Length;
    }

    private readonly void CheckEnd(in PngChunk chunk)
    {
        if (_firstData < 0)
        {
            throw Problem(chunk, "comes before any IDAT; the file holds no picture, copy it again");
        }

        if (chunk.Data.Length != 0)
        {
            throw Problem(chunk, $"has {chunk.Data.Length} bytes instead of 0; the file is damaged");
        }
    }

    private void ReadText(in PngChunk chunk)
    {
        // A file of text chunks costs no more memory than the limit, and no inflating after it is reached.
        if (!chunk.IsIntact || _textChars >= PngTextChunks.MaxChars)
        {
            return;
        }

        PngText? entry = PngTextChunks.Read(chunk.Type, chunk.Data);
        if (entry is not null)
        {
            _textChars += entry.Keyword.Length + entry.Text.Length + PngChunk.Overhead;
            _text.Add(entry);
        }
    }

    private readonly PngImage ReadPixels()
    {
        PngPass[] passes = PngPass.Of(_header);
        int expected = 0;
        foreach (PngPass pass in passes)
        {
            expected = checked(expected + (1 + _header.RowBytes(pass.Width)) * pass.Height);
        }

        if (expected > (_dataBytes + 1) * MaxDeflateRatio)
        {
            throw new ImageFormatException(
                _name,
                $"{_header.Width} x {_header.Height} pixels cannot be in {_dataBytes} bytes of compressed data; " +
                "the file is truncated or damaged, copy it again");
        }

        byte[] scanlines = PngInflate.Exactly(GatherData(), expected, _name);
        PngScanlines.Unfilter(scanlines, _header, passes, _name);
        if (_header.ColorType == PngColorType.Palette)
        {
            PngScanlines.CheckIndices(scanlines, _header, passes, _palette!.Count, _name);
        }

        return new PngImage(_header, passes, scanlines, _palette, _transparent, _text);
    }

    /// <summary>The data of all IDATs, with room for the guard behind it.</summary>
    private readonly byte[] GatherData()
    {
        byte[] stream = new byte[checked((int)_dataBytes + PngInflate.GuardBytes)];
        int count = 0;
        for (int offset = _firstData; offset < _dataEnd;)
        {
            int length = (int)BinaryPrimitives.ReadUInt32BigEndian(_file[offset..]);
            _file.Slice(offset + 8, length).CopyTo(stream.AsSpan(count));
            count += length;
            offset += PngChunk.Overhead + length;
        }

        return stream;
    }

    private readonly void CheckCrc(in PngChunk chunk)
    {
        if (!chunk.IsIntact)
        {
            throw Problem(
                chunk,
                $"has check {chunk.DeclaredCrc:x8}, its bytes give {chunk.ComputedCrc:x8}; the file is damaged, " +
                "copy it again");
        }
    }

    private readonly ImageFormatException Problem(in PngChunk chunk, string what) =>
        new(_name, $"chunk {PngChunkType.Name(chunk.Type)} at byte {chunk.Offset} {what}");
}
