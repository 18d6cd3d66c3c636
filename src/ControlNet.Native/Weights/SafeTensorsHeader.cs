using System;
using System.Collections.Generic;
using System.Text.Json;
using System.Text.Unicode;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>
/// The checked header of a safetensors file. Everything a reader will trust later is proved here, once: each entry
/// has the size its shape implies, and all entries together cover the data section without hole or overlap, so no
/// header can ask for more memory than the file has bytes. Where the specification and the reference crate disagree:
/// leading white space and unknown fields are accepted, duplicate names, entries written as arrays and more than
/// <see cref="MaxRank"/> extents are refused. Source: https://github.com/huggingface/safetensors#format.
/// </summary>
internal sealed class SafeTensorsHeader
{
    /// <summary>Bytes of the length field at the start of a file.</summary>
    public const int LengthBytes = 8;

    /// <summary>Headers above this are refused, as the reference implementation refuses them.</summary>
    public const long MaxHeaderBytes = 100_000_000;

    /// <summary>More tensors than this are refused; the largest published checkpoints have some ten thousand.</summary>
    public const int MaxTensors = 1_000_000;

    /// <summary>More extents than this are refused.</summary>
    public const int MaxRank = 8;

    private const int MaxDepth = 64;

    private readonly string _source;
    private readonly Dictionary<string, SafeTensorsEntry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private bool _sawMetadata;

    private SafeTensorsHeader(string source) => _source = source;

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, SafeTensorsEntry> Entries => _entries;

    /// <summary>The free text the writer added; empty when there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Bytes of the data section the entries cover.</summary>
    public long DataBytes { get; private set; }

    /// <summary>Checks the length field before anything of that length is allocated.</summary>
    /// <param name="source">Names the file in messages; not opened.</param>
    /// <param name="declaredBytes">The header length the first eight bytes declare.</param>
    /// <param name="availableBytes">Bytes that follow the length field.</param>
    /// <exception cref="SafeTensorsException">The lengths cannot be right.</exception>
    public static void CheckLength(string source, ulong declaredBytes, long availableBytes)
    {
        if (declaredBytes > MaxHeaderBytes)
        {
            throw new SafeTensorsException(
                source,
                $"the header claims {declaredBytes} bytes, above the limit of {MaxHeaderBytes}; " +
                "this is probably not a safetensors file");
        }

        if ((long)declaredBytes > availableBytes)
        {
            throw new SafeTensorsException(
                source,
                $"the header claims {declaredBytes} bytes but only {availableBytes} follow the length field; " +
                "the file is truncated, download it again");
        }
    }

    /// <summary>Parses and proves the header.</summary>
    /// <param name="source">Names the file in messages; not opened.</param>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataBytes">Bytes that follow the header.</param>
    /// <exception cref="SafeTensorsException">
    /// The header is not JSON, or one of its entries cannot be right.
    /// </exception>
    public static SafeTensorsHeader Parse(string source, ReadOnlySpan<byte> json, long dataBytes)
    {
        // Utf8JsonReader checks text only where it is asked for; the ignored fields must be valid too.
        if (!Utf8.IsValid(json))
        {
            throw new SafeTensorsException(
                source, "the header is not valid UTF-8; the file is damaged, download it again");
        }

        SafeTensorsHeader header = new(source);
        try
        {
            Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            header.ReadAll(ref reader);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: an escaped lone surrogate, noticed when the text is asked for.
            throw new SafeTensorsException(source, $"the header is not the JSON it should be ({e.Message})", e);
        }

        header.CheckCoverage(dataBytes);
        return header;
    }

    private void ReadAll(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new SafeTensorsException(
                _source, $"the header is a JSON {reader.TokenType}, not an object of tensors");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (name == "__metadata__")
            {
                ReadMetadata(ref reader);
                continue;
            }

            SafeTensorsEntry entry = ReadEntry(ref reader, name);
            if (!_entries.TryAdd(name, entry))
            {
                throw new SafeTensorsException(
                    _source, $"tensor '{MessageText.Name(name)}' appears twice in the header");
            }

            if (_entries.Count > MaxTensors)
            {
                throw new SafeTensorsException(_source, $"the header lists more than {MaxTensors} tensors");
            }
        }

        // Reads on past the closing brace, so that anything but white space behind it is noticed.
        if (reader.Read())
        {
            throw new SafeTensorsException(_source, "the header goes on after its closing brace");
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (_sawMetadata)
        {
            throw new SafeTensorsException(_source, "the header has '__metadata__' twice");
        }

        _sawMetadata = true;
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new SafeTensorsException(
                _source, $"'__metadata__' is a JSON {reader.TokenType}, not an object of strings");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
            {
                throw new SafeTensorsException(
                    _source, $"metadata '{MessageText.Name(key)}' is a JSON {reader.TokenType}, not a string");
            }

            if (!_metadata.TryAdd(key, reader.GetString()!))
            {
                throw new SafeTensorsException(_source, $"metadata '{MessageText.Name(key)}' appears twice");
            }
        }
    }

    private SafeTensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Wrong(name, $"is a JSON {reader.TokenType}; it must be an object with dtype, shape and data_offsets");
        }

        string? dtype = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isDType = reader.ValueTextEquals("dtype"u8), isShape = reader.ValueTextEquals("shape"u8);
            bool isOffsets = reader.ValueTextEquals("data_offsets"u8);
            if ((isDType && dtype is not null) || (isShape && shape is not null) || (isOffsets && offsets is not null))
            {
                throw Wrong(name, "gives dtype, shape or data_offsets twice");
            }

            reader.Read();
            if (isDType)
            {
                dtype = ReadDType(ref reader, name);
            }
            else if (isShape)
            {
                shape = ReadNumbers(ref reader, name, "shape", MaxRank);
            }
            else if (isOffsets)
            {
                offsets = ReadNumbers(ref reader, name, "data_offsets", 2);
            }
            else
            {
                reader.Skip();
            }
        }

        if (dtype is null || shape is null || offsets is not { Length: 2 })
        {
            throw Wrong(name, "must have dtype, shape and data_offsets [begin, end]");
        }

        SafeTensorsEntry entry = new(name, dtype, shape, offsets[0], offsets[1]);
        CheckSize(entry);
        return entry;
    }

    private string ReadDType(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw Wrong(name, $"has a JSON {reader.TokenType} for its dtype, not a string");
        }

        string dtype = reader.GetString()!;
        return SafeTensorsTypes.Bits(dtype) > 0
            ? dtype
            : throw Wrong(name, $"has dtype '{MessageText.Name(dtype)}', which the format does not know");
    }

    private long[] ReadNumbers(ref Utf8JsonReader reader, string name, string field, int limit)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Wrong(name, $"has a JSON {reader.TokenType} for its {field}, not an array of numbers");
        }

        Span<long> numbers = stackalloc long[MaxRank];
        int count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (count == limit)
            {
                throw Wrong(name, $"has more than {limit} numbers in its {field}");
            }

            // Unsigned on purpose: it refuses -0 as the reference does, and 1.0 and 1e0 with it.
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetUInt64(out ulong number)
                || number > long.MaxValue)
            {
                throw Wrong(name, $"has something in its {field} that is no whole number from 0 to 2^63 - 1");
            }

            numbers[count++] = (long)number;
        }

        return numbers[..count].ToArray();
    }

    private void CheckSize(SafeTensorsEntry entry)
    {
        long bits;
        try
        {
            long count = 1;
            foreach (long extent in entry.Shape)
            {
                count = checked(count * extent);
            }

            bits = checked(count * SafeTensorsTypes.Bits(entry.DType));
        }
        catch (OverflowException e)
        {
            throw new SafeTensorsException(
                _source,
                $"tensor '{MessageText.Name(entry.Name)}' {entry.DType} {entry.ShapeText} has more than 2^63 bits", e);
        }

        if (bits % 8 != 0)
        {
            throw Wrong(entry.Name, $"{entry.DType} {entry.ShapeText} is {bits} bits, not a whole number of bytes");
        }

        if (entry.Begin > entry.End || entry.ByteCount != bits / 8)
        {
            throw Wrong(
                entry.Name,
                $"{entry.DType} {entry.ShapeText} needs {bits / 8} bytes, " +
                $"but its data_offsets are [{entry.Begin}, {entry.End}]");
        }
    }

    private void CheckCoverage(long dataBytes)
    {
        SafeTensorsEntry[] ordered = [.. _entries.Values];
        Array.Sort(ordered, static (a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        long position = 0;
        foreach (SafeTensorsEntry entry in ordered)
        {
            if (entry.Begin != position)
            {
                throw Wrong(
                    entry.Name,
                    $"begins at byte {entry.Begin} of the data where byte {position} is due: tensors overlap or " +
                    "leave a hole");
            }

            position = entry.End;
        }

        DataBytes = position;
        if (position > dataBytes)
        {
            throw new SafeTensorsException(
                _source,
                $"the tensors need {position} bytes of data but the file has {dataBytes}; " +
                $"it is truncated by {position - dataBytes} bytes, download it again");
        }

        if (dataBytes > position)
        {
            throw new SafeTensorsException(
                _source, $"the file goes on for {dataBytes - position} bytes after its last tensor");
        }
    }

    private SafeTensorsException Wrong(string name, string problem) =>
        new(_source, $"tensor '{MessageText.Name(name)}' {problem}");
}
