using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.Json;

namespace ControlNet.Native.Weights;

/// <summary>
/// Strengths of a LoRA that are written down beside its tensors: in the <c>adapter_config.json</c> of PEFT, or in the
/// metadata <c>lora_adapter_metadata</c> of diffusers since 0.34.
/// </summary>
internal sealed class LoraAlphas
{
    private const string Beside = "adapter_config.json";
    private const string MetadataKey = "lora_adapter_metadata";

    /// <summary>A module counts as one of a pattern whose key is the end of its name, as in PEFT.</summary>
    private readonly record struct Settings(
        double? Alpha, IReadOnlyList<(string Key, double Alpha)> Patterns, bool Root);

    private readonly Dictionary<LoraNetwork, Settings> _networks = [];

    /// <summary>Reads what there is.</summary>
    /// <param name="files">The LoRA.</param>
    /// <param name="folder">The folder it lies in; null when it lies in none.</param>
    /// <exception cref="CheckpointException">It is there, but cannot be read.</exception>
    public LoraAlphas(TensorFiles files, string? folder)
    {
        if (files.Metadata.TryGetValue(MetadataKey, out string? text))
        {
            ConfigJson json = ConfigJson.Parse($"{files.Name} ({MetadataKey})", Encoding.UTF8.GetBytes(text));
            _networks[LoraNetwork.Unet] = Read(json, "unet.");
            _networks[LoraNetwork.Text] = Read(json, "text_encoder.");
        }
        else if (folder is not null && files.Name.EndsWith("adapter_model.safetensors", StringComparison.Ordinal)
            && File.Exists(Path.Combine(folder, Beside)))
        {
            Settings settings = Read(ConfigJson.Read(Path.Combine(folder, Beside)), string.Empty);
            foreach (LoraNetwork network in Enum.GetValues<LoraNetwork>())
            {
                _networks[network] = settings;
            }
        }
    }

    /// <summary>The strength of a module; its rank where nothing says otherwise.</summary>
    public double Of(string owner, int rank)
    {
        if (!_networks.TryGetValue(LoraAddress.Of(owner).Network, out Settings settings))
        {
            return rank;
        }

        double alpha = settings.Alpha ?? rank;
        foreach ((string key, double own) in settings.Patterns)
        {
            if (owner == key || owner.EndsWith("." + key, StringComparison.Ordinal))
            {
                alpha = own;
            }
        }

        // Rank-stabilised: divided by the root of the rank (Kalajdzievski, 2023, arXiv:2312.03732).
        return settings.Root ? alpha * Math.Sqrt(rank) : alpha;
    }

    private static Settings Read(ConfigJson json, string prefix)
    {
        List<(string, double)> patterns = [];
        if (json.Pairs(prefix + "alpha_pattern") is { } pairs)
        {
            foreach (JsonProperty pair in pairs)
            {
                if (pair.Value.ValueKind != JsonValueKind.Number || !pair.Value.TryGetDouble(out double alpha))
                {
                    throw json.Invalid($"'{prefix}alpha_pattern' holds what is no number");
                }

                patterns.Add((pair.Name, alpha));
            }
        }

        double stated = json.Real(prefix + "lora_alpha", double.NaN);
        return new Settings(double.IsNaN(stated) ? null : stated, patterns, json.Flag(prefix + "use_rslora", false));
    }
}
