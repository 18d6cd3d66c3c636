using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Unicode;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>
/// A JSON configuration, read key by key. A key that is missing or null has its class default; a value of the wrong
/// kind, or one that asks for what this library does not compute, is refused by key and value.
/// </summary>
internal sealed class ConfigJson
{
    private const int MaxBytes = 16 << 20;

    // Far above any published model, and small enough that products of two fit 32 bits.
    private const int MaxNumber = 1 << 20;

    private readonly JsonElement _root;

    private ConfigJson(string source, JsonElement root) => (Source, _root) = (source, root);

    /// <summary>What messages call it: the path.</summary>
    public string Source { get; }

    /// <exception cref="CheckpointException">The file cannot be read or is not a JSON object.</exception>
    public static ConfigJson Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaxBytes)
            {
                throw new CheckpointException(
                    $"{MessageText.Name(path)}: has more than {MaxBytes} bytes, too many for a configuration");
            }

            return Parse(path, File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CheckpointException($"{MessageText.Name(path)}: cannot be read ({e.Message})", e);
        }
    }

    /// <exception cref="CheckpointException">The text is not a JSON object.</exception>
    public static ConfigJson Parse(string source, ReadOnlyMemory<byte> json)
    {
        // A byte-order mark is what Windows editors put there; JSON itself has none.
        ReadOnlyMemory<byte> text = json.Span.StartsWith("\uFEFF"u8) ? json[3..] : json;
        if (!Utf8.IsValid(text.Span))
        {
            throw new CheckpointException($"{MessageText.Name(source)}: is not valid UTF-8, as JSON must be");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object
                ? new ConfigJson(source, root.Clone())
                : throw new CheckpointException(
                    $"{MessageText.Name(source)}: is a JSON {root.ValueKind}, not an object");
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{MessageText.Name(source)}: is not JSON ({e.Message})", e);
        }
    }

    /// <summary>The object under a key as a configuration of its own; this one when there is none.</summary>
    public ConfigJson Section(string key) =>
        Find(key) is { ValueKind: JsonValueKind.Object } value ? new ConfigJson(Source, value) : this;

    /// <summary>The members of the object under a key; null when there is no such object.</summary>
    public JsonElement.ObjectEnumerator? Pairs(string key) =>
        Find(key) is { ValueKind: JsonValueKind.Object } value ? value.EnumerateObject() : null;

    public int Int(string key, int fallback) => Find(key) is JsonElement value ? Number(key, value) : fallback;

    public double Real(string key, double fallback) =>
        Find(key) is not JsonElement value ? fallback
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && double.IsFinite(number)
            ? number
        : throw Wrong(key, value, "a number");

    public bool Flag(string key, bool fallback) =>
        Find(key) is not JsonElement value ? fallback
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.ValueKind == JsonValueKind.True
        : throw Wrong(key, value, "true or false");

    public string Text(string key, string fallback) => Find(key) is JsonElement value ? TextOf(key, value) : fallback;

    /// <summary>A list of numbers.</summary>
    public int[] Ints(string key, int[] fallback) => Find(key) is JsonElement value
        ? [.. Members(key, value).Select(member => Number(key, member))] : fallback;

    /// <summary>A list of names.</summary>
    public string[] Texts(string key, string[] fallback) => Find(key) is JsonElement value
        ? [.. Members(key, value).Select(member => TextOf(key, member))] : fallback;

    /// <summary>One number for all levels, or a list with one for each.</summary>
    public int[] PerLevel(string key, int levels, int fallback)
    {
        if (Find(key) is not JsonElement value || value.ValueKind != JsonValueKind.Array)
        {
            return [.. Enumerable.Repeat(Int(key, fallback), levels)];
        }

        int[] numbers = Ints(key, []);
        return numbers.Length == levels ? numbers : throw Wrong(key, value, $"a number or a list of {levels}");
    }

    /// <summary>Refuses a key whose value, unless missing or null, is none of those supported.</summary>
    /// <param name="key">The key.</param>
    /// <param name="supported">Values as JSON writes them, texts without quotes; none for null only.</param>
    public void Require(string key, params ReadOnlySpan<string> supported)
    {
        if (Find(key) is not JsonElement value)
        {
            return;
        }

        // [1, 1, 1, 1] and [false, false] say the same as 1 and false.
        IEnumerable<JsonElement> parts = value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0
            ? value.EnumerateArray() : [value];
        foreach (JsonElement part in parts)
        {
            string text = part.GetRawText().Trim('"');
            if (!supported.Contains(text))
            {
                string only = supported.Length == 0 ? "null" : string.Join(" or ", supported.ToArray());
                throw new CheckpointException(
                    $"{MessageText.Name(Source)}: '{key}' is {MessageText.Name(value.GetRawText())}, " +
                    $"this library computes only models where it is {only}");
            }
        }
    }

    /// <summary>The exception for a value that makes no sense together with others.</summary>
    public CheckpointException Invalid(string problem) => new($"{MessageText.Name(Source)}: {problem}");

    private JsonElement? Find(string key)
    {
        try
        {
            return _root.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null
                ? value
                : null;
        }
        catch (InvalidOperationException e)
        {
            // Some other key has an escaped lone surrogate in it.
            throw new CheckpointException(
                $"{MessageText.Name(Source)}: has a key that is not valid text ({e.Message})", e);
        }
    }

    private JsonElement.ArrayEnumerator Members(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() is > 0 and <= 64
            ? value.EnumerateArray() : throw Wrong(key, value, "a list of 1 to 64 members");

    private int Number(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number is >= 0 and <= MaxNumber
            ? number : throw Wrong(key, value, $"a whole number from 0 to {MaxNumber}");

    private string TextOf(string key, JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // Not a string, or one with a lone surrogate.
            throw Wrong(key, value, "a text");
        }
    }

    private CheckpointException Wrong(string key, JsonElement value, string wanted) =>
        Invalid($"'{key}' is {MessageText.Name(value.GetRawText())}, it must be {wanted}");
}
