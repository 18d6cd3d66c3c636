using System;
using System.Buffers;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace ControlNet.Cli;

/// <summary>
/// The command that made an image, as the PNG keeps it in the text entry <see cref="Key"/>: one JSON object with the
/// options as they were written, and what the small files among their values held.
/// </summary>
/// <param name="Options">Options by name, each with its values.</param>
/// <param name="Files">SHA-256 of the files named by options, as 64 hexadecimal digits, by the path as written.</param>
/// <param name="Device">Name of the device that computed.</param>
internal sealed record SavedCommand(
    IReadOnlyDictionary<string, string[]> Options, IReadOnlyDictionary<string, string> Files, string Device)
{
    /// <summary>Keyword of the PNG text entry.</summary>
    public const string Key = "controlnet-native";

    private const int Version = 1;

    /// <summary>Larger files, which are models, are not read once more only to know them again.</summary>
    private const long MostBytesHashed = 256L << 20;

    /// <summary>Options that say where and how to work and what to write, and not what the image is.</summary>
    private static readonly string[] s_notOfTheImage =
    [
        "--output", "--device", "--threads", "--preview", "--preview-every", "--preview-method", "--save-latents",
        "--estimate-memory", "--from-png", "--no-metadata", "--save-prompt-embeddings",
    ];

    /// <summary>What to keep of a command line.</summary>
    /// <param name="given">Every option given.</param>
    /// <param name="device">Name of the device that computed.</param>
    public static SavedCommand Of(IReadOnlyDictionary<string, string[]> given, string device)
    {
        SortedDictionary<string, string[]> options = new(StringComparer.Ordinal);
        SortedDictionary<string, string> files = new(StringComparer.Ordinal);
        foreach ((string name, string[] values) in given.Where(option => !s_notOfTheImage.Contains(option.Key)))
        {
            options.Add(name, values);
            foreach (string value in values)
            {
                if (Fingerprint(value) is string hash)
                {
                    files[value] = hash;
                }
            }
        }

        return new SavedCommand(options, files, device);
    }

    /// <summary>The command that makes one image of several alone.</summary>
    /// <param name="seed">Its seed.</param>
    public SavedCommand OfImage(long seed) => !Options.ContainsKey("--count") ? this : this with
    {
        Options = new SortedDictionary<string, string[]>(
            Options.Where(option => option.Key is not ("--count" or "--seed")).ToDictionary(), StringComparer.Ordinal)
        {
            ["--seed"] = [seed.ToString(CultureInfo.InvariantCulture)],
        },
    };

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="json">The text of the entry.</param>
    /// <param name="png">The file it is from, for messages.</param>
    /// <exception cref="UsageException">The text is damaged, or of a later version of this tool.</exception>
    public static SavedCommand Read(string json, string png)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            int version = root.GetProperty("version").GetInt32();
            return version == Version
                ? new SavedCommand(
                    root.GetProperty("options").EnumerateObject().ToDictionary(
                        option => option.Name,
                        option => option.Value.EnumerateArray().Select(value => value.GetString()!).ToArray()),
                    root.GetProperty("files").EnumerateObject().ToDictionary(
                        file => file.Name, file => file.Value.GetString()!),
                    root.GetProperty("device").GetString()!)
                : throw new UsageException(
                    $"'{png}' keeps its command in version {version}, this tool reads version {Version}; use the one " +
                    "that made the image");
        }
        catch (Exception e) when (
            e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
                or ArgumentException)
        {
            throw new UsageException(
                $"the text '{Key}' of '{png}' is damaged ({e.Message}); give the options that made the image", e);
        }
    }

    /// <summary>One JSON object on one line.</summary>
    public string Write()
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("version", Version);
            json.WriteStartObject("options");
            foreach ((string name, string[] values) in Options)
            {
                json.WriteStartArray(name);
                Array.ForEach(values, json.WriteStringValue);
                json.WriteEndArray();
            }

            json.WriteEndObject();
            json.WriteStartObject("files");
            foreach ((string path, string hash) in Files)
            {
                json.WriteString(path, hash);
            }

            json.WriteEndObject();
            json.WriteString("device", Device);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>Refuses files that are not there any more, or hold something else by now.</summary>
    /// <param name="options">The options that are taken from the PNG.</param>
    /// <param name="png">The file they are from, for messages.</param>
    /// <exception cref="UsageException">One is.</exception>
    public void CheckFiles(IEnumerable<string> options, string png)
    {
        foreach (string name in options)
        {
            foreach (string path in Options[name].Where(Files.ContainsKey))
            {
                if (Fingerprint(path) is not string hash)
                {
                    throw new UsageException(
                        $"'{png}' was made with {name} '{path}', which is not there; name it anew");
                }

                if (hash != Files[path])
                {
                    throw new UsageException(
                        $"'{png}' was made with {name} '{path}', which has changed since (SHA-256 " +
                        $"{Files[path][..12]}… then, {hash[..12]}… now); name the file it was, or this one with " +
                        name);
                }
            }
        }
    }

    private static string? Fingerprint(string path)
    {
        try
        {
            FileInfo file = new(path);
            if (path.Length == 0 || !file.Exists || file.Length > MostBytesHashed)
            {
                return null;
            }

            using FileStream stream = file.OpenRead();
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
