using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace ControlNet.Native.Training;

/// <summary>One line of <c>prompt.json</c>, its files proved to be there.</summary>
/// <param name="Number">Counted from 1.</param>
/// <param name="Target">As the line writes it, relative to the folder.</param>
/// <param name="Hint">Likewise; null when hints are not needed.</param>
/// <param name="Prompt">May be empty.</param>
internal sealed record TrainingLine(int Number, string Target, string? Hint, string Prompt)
{
    /// <summary>Parses and checks a line.</summary>
    /// <param name="list">The file it comes from, in the folder the pictures are relative to.</param>
    /// <param name="number">Counted from 1.</param>
    /// <param name="text">The line.</param>
    /// <param name="options">Which hint is wanted.</param>
    /// <exception cref="TrainingDataException">It is not as it should be.</exception>
    public static TrainingLine Parse(string list, int number, string text, TrainingFolderOptions options)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw Refuse($"must be a JSON object, but is {Kind(root)}; write one object a line");
            }

            string prompt = Text(root, "prompt", "prompt"), target = Picture(root, "target", "target");
            string? hint = !options.NeedsHints ? null
                : options.Hint is { } name ? NamedHint(root, name)
                : Picture(root, "source", "source");
            return new TrainingLine(number, target, hint, prompt);
        }
        catch (JsonException e)
        {
            throw TrainingDataException.InLine(
                list, number, $"is not JSON (at byte {e.BytePositionInLine ?? 0}); write one object a line", e);
        }

        string NamedHint(JsonElement root, string name)
        {
            string[] names = root.TryGetProperty("hints", out JsonElement hints)
                ? hints.ValueKind == JsonValueKind.Object
                    ? [.. hints.EnumerateObject().Select(hint => TrainingDataException.Quote(hint.Name))]
                    : throw Refuse($"'hints' must be a JSON object of paths, but is {Kind(hints)}")
                : [];
            return names.Length == 0
                    ? throw Refuse($"there is no hint '{name}': the line has no 'hints'; use 'source'")
                : hints.TryGetProperty(name, out _) ? Picture(hints, name, $"hints.{name}")
                : throw Refuse(
                    $"there is no hint {TrainingDataException.Quote(name)}; there are {string.Join(", ", names)}");
        }

        string Picture(JsonElement parent, string key, string shown)
        {
            string path = Text(parent, key, shown), quoted = TrainingDataException.Quote(path);
            string root = Path.GetFullPath(Path.GetDirectoryName(list)!);
            if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal) || Path.IsPathRooted(path)
                || !IsInside(root, Path.GetFullPath(path, root)))
            {
                throw Refuse($"{shown} {quoted} must be a path inside the folder, relative to it");
            }

            return File.Exists(Path.Combine(root, path))
                ? path
                : throw Refuse(
                    $"{shown} {quoted}: there is no such file; paths are relative to the folder of the list");
        }

        string Text(JsonElement parent, string key, string shown) =>
            !parent.TryGetProperty(key, out JsonElement value)
                ? throw Refuse(
                    $"'{shown}' is missing; the line has {Names(parent.EnumerateObject())}")
                : value.ValueKind == JsonValueKind.String
                    ? value.GetString()!
                    : throw Refuse($"'{shown}' must be a string, but is {Kind(value)}");

        TrainingDataException Refuse(string problem) => TrainingDataException.InLine(list, number, problem);
    }

    private static bool IsInside(string folder, string path) =>
        path.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar,
            StringComparison.Ordinal);

    private static string Names(IEnumerable<JsonProperty> properties)
    {
        string[] names = [.. properties.Take(8).Select(p => TrainingDataException.Quote(p.Name))];
        return names.Length == 0 ? "no keys" : string.Join(", ", names);
    }

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
