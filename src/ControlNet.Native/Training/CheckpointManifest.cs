using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ControlNet.Native.Training;

/// <summary>One file of a checkpoint and what it must be.</summary>
/// <param name="Group">The group of tensors in it.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Its SHA-256 in lower-case hexadecimal.</param>
internal sealed record CheckpointFile(string Group, long Bytes, string Sha256)
{
    /// <summary>Its name in the folder.</summary>
    public string Name => $"{Group}.safetensors";
}

/// <summary>
/// The content of <c>state.json</c>: values, and what every other file of the checkpoint must be. The file is
/// <c>{"sha256":"...","state":{...}}</c>, where the checksum is that of the bytes of <c>state</c>; together with the
/// fixed bytes around it no bit of the file can change unseen.
/// </summary>
internal sealed record CheckpointManifest(
    long Step, string Architecture, StateValues Values, IReadOnlyList<CheckpointFile> Files)
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "state.json";

    private const int Format = 1;
    private const int ChecksumDigits = 2 * SHA256.HashSizeInBytes;
    private const int MaxBytes = 64 << 20;

    private static ReadOnlySpan<byte> Head => "{\"sha256\":\""u8;

    private static ReadOnlySpan<byte> Middle => "\",\"state\":"u8;

    private static ReadOnlySpan<byte> Tail => "}\n"u8;

    /// <summary>The bytes of the file.</summary>
    public byte[] ToBytes()
    {
        ArrayBufferWriter<byte> body = new();
        JsonWriterOptions readable = new()
        {
            Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        using (Utf8JsonWriter writer = new(body, readable))
        {
            writer.WriteStartObject();
            writer.WriteNumber("format", Format);
            writer.WriteNumber("step", Step);
            writer.WriteString("architecture", Architecture);
            writer.WritePropertyName("values");
            Values.Write(writer);
            writer.WriteStartArray("files");
            foreach (CheckpointFile file in Files)
            {
                writer.WriteStartObject();
                writer.WriteString("group", file.Group);
                writer.WriteNumber("bytes", file.Bytes);
                writer.WriteString("sha256", file.Sha256);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        string checksum = Convert.ToHexStringLower(SHA256.HashData(body.WrittenSpan));
        return [.. Head, .. Encoding.ASCII.GetBytes(checksum), .. Middle, .. body.WrittenSpan, .. Tail];
    }

    /// <summary>Reads and proves the file of a checkpoint.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="TrainingStateException">It is missing, damaged or of another format.</exception>
    public static CheckpointManifest Read(string path)
    {
        byte[] bytes;
        try
        {
            long length = new FileInfo(path).Length;
            if (length > MaxBytes)
            {
                throw Damaged(path, $"has {length} bytes, the limit is {MaxBytes}");
            }

            bytes = File.ReadAllBytes(path);
        }
        catch (FileNotFoundException)
        {
            throw Damaged(path, "is missing");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TrainingStateException($"{path}: cannot be read ({e.Message})", e);
        }

        ReadOnlyMemory<byte> body = Proved(path, bytes);
        try
        {
            using JsonDocument json = JsonDocument.Parse(body);
            return Parse(path, json.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException
            or KeyNotFoundException)
        {
            throw new TrainingStateException($"{path}: its checksum is right, its content is not ({e.Message})", e);
        }
    }

    /// <summary>The bytes of <c>state</c>, after holding them against the checksum.</summary>
    private static ReadOnlyMemory<byte> Proved(string path, byte[] bytes)
    {
        int bodyStart = Head.Length + ChecksumDigits + Middle.Length;
        ReadOnlySpan<byte> file = bytes;
        if (file.Length < bodyStart + Tail.Length || !file.StartsWith(Head)
            || !file[(Head.Length + ChecksumDigits)..].StartsWith(Middle) || !file.EndsWith(Tail))
        {
            throw Damaged(path, $"has {file.Length} bytes that do not have the form of a state file");
        }

        string expected = Encoding.ASCII.GetString(file.Slice(Head.Length, ChecksumDigits));
        ReadOnlyMemory<byte> body = bytes.AsMemory(bodyStart..^Tail.Length);
        string found = Convert.ToHexStringLower(SHA256.HashData(body.Span));
        return found == expected ? body : throw Damaged(path, $"has SHA-256 {found}, expected {expected}");
    }

    private static CheckpointManifest Parse(string path, JsonElement json)
    {
        int format = json.GetProperty("format").GetInt32();
        if (format != Format)
        {
            throw new TrainingStateException(
                $"{path}: is of format {format}, this version reads {Format}; train on with the version that wrote it");
        }

        CheckpointFile[] files =
        [
            .. json.GetProperty("files").EnumerateArray().Select(file => new CheckpointFile(
                file.GetProperty("group").GetString()!,
                file.GetProperty("bytes").GetInt64(),
                file.GetProperty("sha256").GetString()!)),
        ];

        // Names become paths; only those a save can have written do.
        if (files.FirstOrDefault(file => !TrainingState.IsGroupName(file.Group)) is CheckpointFile odd)
        {
            throw new FormatException($"'{odd.Group}' cannot name a group");
        }

        return new CheckpointManifest(
            json.GetProperty("step").GetInt64(), json.GetProperty("architecture").GetString()!,
            StateValues.Read(json.GetProperty("values")), files);
    }

    private static TrainingStateException Damaged(string path, string found) => new($"{path}: {found}");
}
