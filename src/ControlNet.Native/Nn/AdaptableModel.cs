using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Nn;

/// <summary>
/// A network that LoRA can change while it is loaded: several at once, each with its scale, in any order. Applying one
/// reads its factors only; taking it away gives back the network as it was, to the last bit.
/// </summary>
public abstract class AdaptableModel : Module
{
    private readonly List<Adaptation> _adaptations = [];
    private readonly LoraNetwork _network;

    private protected AdaptableModel(WeightMap weights, LoraNetwork network)
        : base(weights) => _network = network;

    /// <summary>The LoRA that are applied, in the order they were.</summary>
    public IReadOnlyList<LoraUse> Loras => [.. _adaptations.Select(adaptation => adaptation.Use)];

    /// <summary>Applies a LoRA, or gives one that is applied another scale.</summary>
    /// <param name="lora">The LoRA; may be closed afterwards.</param>
    /// <param name="scale">How strongly it acts: any finite number, 1 as it was trained, 0 not at all.</param>
    /// <param name="strict">Whether each of its modules must find its layer in this network.</param>
    /// <returns>What was applied and what was not.</returns>
    /// <exception cref="CheckpointException">
    /// Nothing of it fits, or not all that must, or a factor has another shape than its layer; nothing was applied.
    /// </exception>
    /// <exception cref="ModelException">The network was loaded to be trained.</exception>
    public LoraReport ApplyLora(Lora lora, float scale = 1f, bool strict = false)
    {
        ArgumentNullException.ThrowIfNull(lora);
        LoraUse use = new(lora, scale);
        using DeviceReservation turn = Weights.Device.Reserve();
        LoraMatch match = Match(lora);
        LoraReport report = LoraReport.Of(use, [match], strict);
        Adapt(match, use);
        return report;
    }

    /// <summary>Takes a LoRA away again and frees its factors.</summary>
    /// <returns>Whether it was applied.</returns>
    public bool RemoveLora(Lora lora)
    {
        ArgumentNullException.ThrowIfNull(lora);
        using DeviceReservation turn = Weights.Device.Reserve();
        int at = _adaptations.FindIndex(adaptation => ReferenceEquals(adaptation.Use.Lora, lora));
        if (at < 0)
        {
            return false;
        }

        foreach ((AdaptableLayer layer, LowRankBranch branch, _) in _adaptations[at].Branches)
        {
            layer.Detach(branch);
        }

        _adaptations.RemoveAt(at);
        return true;
    }

    /// <summary>Finds out what of a LoRA belongs to this network; changes nothing.</summary>
    /// <exception cref="CheckpointException">A factor has another shape than its layer.</exception>
    internal LoraMatch Match(Lora lora) => new LoraTargets(
        _network, Layers().ToDictionary(layer => layer.Key, layer => layer.Value.Extents)).Match(lora);

    /// <summary>Applies what was matched, or gives it another scale; after a failure nothing has changed.</summary>
    internal void Adapt(LoraMatch match, LoraUse use)
    {
        if (Weights.Use != WeightUse.Inference)
        {
            throw new ModelException(
                $"the {LoraTargets.NounOf(_network)} was loaded to be trained, where LoRA are not applied; load it " +
                "for inference");
        }

        float scale = use.For(_network);
        Adaptation? applied = _adaptations.Find(adaptation => ReferenceEquals(adaptation.Use.Lora, use.Lora));
        if (applied is null)
        {
            applied = new Adaptation(match, Load(match));
            applied.Branches.ForEach(each => each.Layer.Attach(each.Branch));
            _adaptations.Add(applied);
        }

        applied.Use = use;
        foreach ((_, LowRankBranch branch, LoraPair pair) in applied.Branches)
        {
            branch.Factor = pair.Factor(scale);
        }
    }

    /// <summary>Applies to a copy of this network what is applied to it.</summary>
    /// <returns>The copy.</returns>
    private protected TModel Adapted<TModel>(TModel copy)
        where TModel : AdaptableModel
    {
        foreach (Adaptation adaptation in _adaptations)
        {
            copy.Adapt(adaptation.Match, adaptation.Use);
        }

        return copy;
    }

    private Dictionary<string, AdaptableLayer> Layers() =>
        SelfAndParts().OfType<AdaptableLayer>().ToDictionary(layer => layer.Path, StringComparer.Ordinal);

    private List<(AdaptableLayer Layer, LowRankBranch Branch, LoraPair Pair)> Load(LoraMatch match)
    {
        Dictionary<string, AdaptableLayer> layers = Layers();
        List<(AdaptableLayer, LowRankBranch Branch, LoraPair)> loaded = [];
        try
        {
            foreach (LoraFit fit in match.Fits)
            {
                AdaptableLayer layer = layers[fit.Path];
                loaded.Add((layer, layer.Load(fit.Pair), fit.Pair));
            }

            return loaded;
        }
        catch
        {
            loaded.ForEach(each => each.Branch.Dispose());
            throw;
        }
    }

    /// <summary>A LoRA at work.</summary>
    private sealed class Adaptation(
        LoraMatch match, List<(AdaptableLayer Layer, LowRankBranch Branch, LoraPair Pair)> branches)
    {
        public LoraMatch Match { get; } = match;

        public List<(AdaptableLayer Layer, LowRankBranch Branch, LoraPair Pair)> Branches { get; } = branches;

        public LoraUse Use { get; set; } = new(match.Lora);
    }
}
