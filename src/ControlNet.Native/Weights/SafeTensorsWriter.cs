using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Encodings.Web;
using System.Text.Json;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>
/// Writes safetensors files. As the reference does, tensors are ordered by element size (widest first) and name, and
/// the header is padded with spaces to a multiple of eight bytes, so every tensor of a file is aligned.
/// </summary>
public static class SafeTensorsWriter
{
    /// <summary>
    /// Writes a file beside <paramref name="path"/>, flushes it to the disk and renames it: at any moment the path
    /// holds the old file or the whole new one. After a failure the old file is as it was and nothing is left beside
    /// it. (The folder entry itself is not flushed; a power cut right after may bring the old file back.)
    /// </summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="items">The tensors, in any order.</param>
    /// <param name="metadata">Free text for the header; null for none.</param>
    /// <exception cref="SafeTensorsException">The disk refused, or an item does not hold what it says.</exception>
    public static void Write(
        string path, IEnumerable<SafeTensorsItem> items, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string beside = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (FileStream stream = new(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20))
            {
                Write(stream, items, metadata);
                stream.Flush(flushToDisk: true);
            }

            File.Move(beside, path, overwrite: true);
        }
        catch (Exception e)
        {
            TryDelete(beside);
            if (e is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                throw new SafeTensorsException(path, $"cannot be written ({e.Message})", e);
            }

            throw;
        }
    }

    /// <summary>Writes a file's bytes to a stream.</summary>
    /// <param name="stream">Receives them; left open.</param>
    /// <param name="items">The tensors, in any order.</param>
    /// <param name="metadata">Free text for the header; null for none.</param>
    /// <exception cref="SafeTensorsException">An item does not hold what it says.</exception>
    public static void Write(
        Stream stream, IEnumerable<SafeTensorsItem> items, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        SafeTensorsItem[] ordered =
        [
            .. items.OrderByDescending(item => SafeTensorsTypes.Bits(item.DType))
                .ThenBy(item => item.Name, StringComparer.Ordinal),
        ];

        byte[] header = Header(ordered, metadata);
        Span<byte> length = stackalloc byte[SafeTensorsHeader.LengthBytes];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (SafeTensorsItem item in ordered)
        {
            ReadOnlyMemory<byte> bytes = item.Bytes();
            if (bytes.Length != ByteCount(item))
            {
                throw new SafeTensorsException(
                    $"tensor '{MessageText.Name(item.Name)}' {item.DType} [{string.Join(", ", item.Shape)}] " +
                    $"needs {ByteCount(item)} bytes, its item gave {bytes.Length}");
            }

            stream.Write(bytes.Span);
        }
    }

    /// <summary>Bytes a file of these tensors without metadata takes.</summary>
    /// <exception cref="SafeTensorsException">An item cannot be written.</exception>
    internal static long FileBytes(IReadOnlyList<SafeTensorsItem> items) =>
        SafeTensorsHeader.LengthBytes + Header([.. items], null).Length + items.Sum(ByteCount);

    private static byte[] Header(SafeTensorsItem[] ordered, IReadOnlyDictionary<string, string>? metadata)
    {
        ArrayBufferWriter<byte> buffer = new();
        JsonWriterOptions plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (Utf8JsonWriter writer = new(buffer, plain))
        {
            writer.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                writer.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    writer.WriteString(key, value);
                }

                writer.WriteEndObject();
            }

            WriteEntries(writer, ordered);
            writer.WriteEndObject();
        }

        int padded = (buffer.WrittenCount + 7) / 8 * 8;
        if (padded > SafeTensorsHeader.MaxHeaderBytes)
        {
            throw new SafeTensorsException(
                $"the header would have {padded} bytes, above the limit of {SafeTensorsHeader.MaxHeaderBytes}");
        }

        byte[] header = new byte[padded];
        buffer.WrittenSpan.CopyTo(header);
        header.AsSpan(buffer.WrittenCount).Fill((byte)' ');
        return header;
    }

    private static void WriteEntries(Utf8JsonWriter writer, SafeTensorsItem[] ordered)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        long position = 0;
        foreach (SafeTensorsItem item in ordered)
        {
            if (item.Name == "__metadata__" || !names.Add(item.Name))
            {
                throw new SafeTensorsException(
                    $"tensor '{MessageText.Name(item.Name)}' cannot be written: the name is reserved or was used " +
                    "before");
            }

            writer.WriteStartObject(item.Name);
            writer.WriteString("dtype", item.DType);
            writer.WriteStartArray("shape");
            foreach (long extent in item.Shape)
            {
                writer.WriteNumberValue(extent);
            }

            writer.WriteEndArray();
            writer.WriteStartArray("data_offsets");
            writer.WriteNumberValue(position);
            position = checked(position + ByteCount(item));
            writer.WriteNumberValue(position);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
    }

    private static long ByteCount(SafeTensorsItem item)
    {
        int bits = SafeTensorsTypes.Bits(item.DType);
        if (bits is 0 or < 8 || item.Shape.Count > SafeTensorsHeader.MaxRank || item.Shape.Any(extent => extent < 0))
        {
            throw new SafeTensorsException(
                $"tensor '{MessageText.Name(item.Name)}' {MessageText.Name(item.DType)} " +
                $"[{string.Join(", ", item.Shape)}] cannot be written: unknown or sub-byte type, more than " +
                $"{SafeTensorsHeader.MaxRank} extents, or a negative one");
        }

        return item.Shape.Aggregate((long)bits / 8, (product, extent) => checked(product * extent));
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // The failure being reported is the one that matters.
        }
    }
}
