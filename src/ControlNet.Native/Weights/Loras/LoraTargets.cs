using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>A change and the layer it changes.</summary>
/// <param name="Pair">The change.</param>
/// <param name="Path">The layer, as diffusers names it, without <c>.weight</c>.</param>
internal sealed record LoraFit(LoraPair Pair, string Path);

/// <summary>What of a LoRA belongs to one network.</summary>
/// <param name="Lora">The LoRA.</param>
/// <param name="Network">The network.</param>
/// <param name="Fits">Changes with their layers.</param>
/// <param name="Misses">Changes that are meant for this network but find no such layer.</param>
internal sealed record LoraMatch(
    Lora Lora, LoraNetwork Network, IReadOnlyList<LoraFit> Fits, IReadOnlyList<LoraLeftover> Misses);

/// <summary>The layers of one network that a LoRA can change, under all names that LoRA give them.</summary>
internal sealed class LoraTargets
{
    private const string TextRoot = "text_model_";

    private readonly LoraNetwork _network;
    private readonly IReadOnlyDictionary<string, IReadOnlyList<long>> _weights;
    private readonly Dictionary<string, string> _paths = new(StringComparer.Ordinal);

    /// <param name="network">Which network it is.</param>
    /// <param name="weights">
    /// The weight of each linear layer and convolution, <c>[Out, In]</c> or <c>[Out, In, K, K]</c>, under the layer's
    /// name as diffusers gives it, without <c>.weight</c>.
    /// </param>
    public LoraTargets(LoraNetwork network, IReadOnlyDictionary<string, IReadOnlyList<long>> weights)
    {
        (_network, _weights) = (network, weights);
        LdmPaths? original = network == LoraNetwork.Text ? null : new LdmPaths([.. weights.Keys]);
        foreach (string path in weights.Keys)
        {
            string key = LoraAddress.Underscored(path);
            _paths[key] = path;
            if (original?.Translate(path) is string ldm)
            {
                _paths.TryAdd(LoraAddress.Underscored(ldm), path);
            }

            // Some exporters leave 'text_model.' out.
            if (network == LoraNetwork.Text && key.StartsWith(TextRoot, StringComparison.Ordinal))
            {
                _paths.TryAdd(key[TextRoot.Length..], path);
            }
        }
    }

    /// <summary>The layers of a network whose weights are known by name and shape only.</summary>
    /// <param name="network">Which network it is.</param>
    /// <param name="weights">
    /// Every weight of it as diffusers names it, <c>.weight</c> included, with its extents.
    /// </param>
    public static LoraTargets Of(LoraNetwork network, IReadOnlyDictionary<string, IReadOnlyList<long>> weights)
    {
        const string ending = ".weight";
        return new LoraTargets(network, weights
            .Where(weight => weight.Key.EndsWith(ending, StringComparison.Ordinal) && weight.Value.Count is 2 or 4
                && !weight.Key.Contains(".embeddings.", StringComparison.Ordinal))
            .ToDictionary(weight => weight.Key[..^ending.Length], weight => weight.Value, StringComparer.Ordinal));
    }

    /// <summary>Finds the layers a LoRA changes.</summary>
    /// <exception cref="CheckpointException">
    /// A factor does not fit the shape of its layer, or two change one layer.
    /// </exception>
    public LoraMatch Match(Lora lora)
    {
        List<LoraFit> fits = [];
        List<LoraLeftover> misses = [];
        Dictionary<string, LoraPair> taken = new(StringComparer.Ordinal);
        foreach (LoraPair pair in lora.Pairs.Where(pair => IsMeant(pair.Address.Network)))
        {
            if (!_paths.TryGetValue(pair.Address.Key, out string? path))
            {
                misses.Add(new LoraLeftover(pair.Name, $"the {NounOf(_network)} has no such layer"));
                continue;
            }

            pair.CheckFits(lora.Source, path, _weights[path]);
            if (!taken.TryAdd(path, pair))
            {
                throw LoraFile.Refused(
                    lora.Source,
                    $"modules '{taken[path].Name}' and '{pair.Name}' both change '{path}'; the file mixes two layouts");
            }

            fits.Add(new LoraFit(pair, path));
        }

        return new LoraMatch(lora, _network, fits, misses);
    }

    /// <summary>How users call a network.</summary>
    public static string NounOf(LoraNetwork network) => network switch
    {
        LoraNetwork.Unet => "UNet",
        LoraNetwork.Text => "text encoder",
        _ => "ControlNet",
    };

    /// <summary>The encoder of a ControlNet is that of a UNet, so what changes a UNet may change it.</summary>
    private bool IsMeant(LoraNetwork network) =>
        network == _network || (_network == LoraNetwork.ControlNet && network == LoraNetwork.Unet);
}
