using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>One safetensors file, or the several a large model was split into, seen as one set of tensors.</summary>
internal sealed class TensorFiles : IDisposable
{
    // In the order they are looked for: full precision first, then the half-precision variant.
    private static readonly string[] s_weightNames =
    [
        "diffusion_pytorch_model.safetensors", "model.safetensors",
        "diffusion_pytorch_model.safetensors.index.json", "model.safetensors.index.json",
        "diffusion_pytorch_model.fp16.safetensors", "model.fp16.safetensors",
        "diffusion_pytorch_model.safetensors.index.fp16.json", "model.safetensors.index.fp16.json",
    ];

    private readonly List<SafeTensorsFile> _files = [];
    private readonly Dictionary<string, WeightSlot> _tensors = new(StringComparer.Ordinal);

    private TensorFiles(string name) => Name = name;

    /// <summary>What messages call the set.</summary>
    public string Name { get; }

    /// <summary>Every tensor under its name in the files.</summary>
    public IReadOnlyDictionary<string, WeightSlot> Tensors => _tensors;

    /// <summary>Metadata of the first file; empty when there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _files[0].Metadata;

    /// <summary>Takes over an open file.</summary>
    public static TensorFiles Single(SafeTensorsFile file)
    {
        TensorFiles set = new(file.Name);
        set._files.Add(file);
        foreach (SafeTensorsEntry entry in file.Entries.Values)
        {
            set._tensors.Add(entry.Name, new WeightSlot(file, entry));
        }

        return set;
    }

    /// <summary>Opens a file, or the shards an <c>.index.json</c> lists.</summary>
    /// <exception cref="SafeTensorsException">A file is not sound.</exception>
    /// <exception cref="CheckpointException">The index is not sound.</exception>
    public static TensorFiles OpenFile(string path) => path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
        ? OpenIndex(path)
        : Single(SafeTensorsFile.Open(path));

    /// <summary>Opens the weights of a component folder as diffusers and transformers name them.</summary>
    /// <exception cref="SafeTensorsException">A file is not sound.</exception>
    /// <exception cref="CheckpointException">There are no weights in the folder, or its index is not sound.</exception>
    public static TensorFiles OpenFolder(string folder)
    {
        string? found = s_weightNames.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        if (found is not null)
        {
            return OpenFile(found);
        }

        bool hasPickles = Directory.EnumerateFiles(folder, "*.bin").Any();
        throw new CheckpointException(
            $"{MessageText.Name(folder)}: has no {s_weightNames[0]} or {s_weightNames[1]}" +
            (hasPickles ? "; its .bin files are Python pickles and are never read, convert them to safetensors" : ""));
    }

    /// <summary>Whether a folder has weights <see cref="OpenFolder"/> would find.</summary>
    public static bool HasWeights(string folder) =>
        s_weightNames.Any(name => File.Exists(Path.Combine(folder, name)));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafeTensorsFile file in _files)
        {
            file.Dispose();
        }
    }

    private static TensorFiles OpenIndex(string path)
    {
        ConfigJson index = ConfigJson.Read(path);
        JsonElement.ObjectEnumerator pairs = index.Pairs("weight_map")
            ?? throw index.Invalid("has no 'weight_map'; it is not the index of a split model");
        TensorFiles set = new(path);
        Dictionary<string, SafeTensorsFile> shards = new(StringComparer.Ordinal);
        try
        {
            foreach (JsonProperty pair in pairs)
            {
                string name = NameOf(index, pair), shard = ShardOf(index, pair);
                if (!shards.TryGetValue(shard, out SafeTensorsFile? file))
                {
                    file = SafeTensorsFile.Open(Path.Combine(Path.GetDirectoryName(path)!, shard));
                    shards.Add(shard, file);
                    set._files.Add(file);
                }

                if (!file.Entries.TryGetValue(name, out SafeTensorsEntry? entry))
                {
                    throw index.Invalid(
                        $"lists tensor '{MessageText.Name(name)}' in '{shard}', which does not hold it");
                }

                if (!set._tensors.TryAdd(name, new WeightSlot(file, entry)))
                {
                    throw index.Invalid($"lists tensor '{MessageText.Name(name)}' twice");
                }
            }

            return set._files.Count > 0 ? set : throw index.Invalid("lists no tensors");
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    private static string NameOf(ConfigJson index, JsonProperty pair)
    {
        try
        {
            return pair.Name;
        }
        catch (InvalidOperationException)
        {
            throw index.Invalid("lists a tensor whose name is not valid text");
        }
    }

    // A shard is a file beside its index, so that an index cannot reach for files elsewhere.
    private static string ShardOf(ConfigJson index, JsonProperty pair)
    {
        string? shard = null;
        try
        {
            shard = pair.Value.GetString();
        }
        catch (InvalidOperationException)
        {
            // Not a string, or not valid text: refused below like every other name that is no file name.
        }

        bool isPlain = !string.IsNullOrEmpty(shard) && shard.EndsWith(".safetensors", StringComparison.Ordinal)
            && shard.AsSpan().IndexOfAny("/\\:\0") < 0;
        return isPlain ? shard! : throw index.Invalid(
            $"names shard {MessageText.Name(pair.Value.GetRawText())}; " +
            "a shard is a plain .safetensors file name in the folder of the index");
    }
}
