using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>A model that is to be written, with the set of tensors it lies in.</summary>
/// <param name="Set">The set.</param>
/// <param name="Model">What it is and whose names it bears.</param>
/// <param name="Weights">Its weights as diffusers names them.</param>
internal sealed record SourceModel(Checkpoint.OpenSet Set, DetectedModel Model, ComponentWeights Weights)
{
    /// <summary>What it is.</summary>
    public ModelKind Kind => Model.Kind;

    /// <summary>Whether its names are those of the authors' code.</summary>
    public bool IsOriginal => Model.Style != NameStyle.Diffusers || Model.Prefix.Length > 0;

    /// <summary>
    /// Its tensors under the names they have, from <see cref="DetectedModel.Prefix"/> on, those that no model needs
    /// included; fused ones in one piece for each weight.
    /// </summary>
    public IEnumerable<PlannedTensor> Entries()
    {
        ILookup<string, Piece> pieces = Weights.Slots
            .OrderBy(slot => slot.Value.OffsetBytes)
            .ToLookup(slot => slot.Value.Entry.Name, slot => new Piece(slot.Value, Kind, slot.Key));
        foreach ((string name, WeightSlot whole) in Set.Files.Tensors.Where(tensor => IsOwn(tensor.Key)))
        {
            yield return pieces.Contains(name)
                ? new PlannedTensor(name, whole.Extents, [.. pieces[name]])
                : PlannedTensor.AsIs(name, whole);
        }
    }

    /// <summary>Whether a tensor of the set lies below the prefix of the model.</summary>
    public bool IsOwn(string name) => name.StartsWith(Model.Prefix, StringComparison.Ordinal);

    /// <summary>The numbers from 0 on that old text encoders carry; none where it does not.</summary>
    public IEnumerable<(string Name, WeightSlot Slot)> PositionIds() => Kind != ModelKind.Text
        ? []
        : Set.Files.Tensors
            .Where(tensor => IsOwn(tensor.Key) && tensor.Key.EndsWith(".position_ids", StringComparison.Ordinal))
            .Select(tensor => (TextName(tensor.Key[Model.Prefix.Length..]), tensor.Value));

    private static string TextName(string name) =>
        name.StartsWith("text_model.", StringComparison.Ordinal) ? name : "text_model." + name;
}

/// <summary>The models of an open checkpoint that a conversion writes.</summary>
internal sealed class ConversionSource
{
    /// <summary>Chooses.</summary>
    /// <param name="checkpoint">Must stay open until all is written.</param>
    /// <param name="only">The one kind wanted; null for all.</param>
    /// <exception cref="CheckpointException">There is no such model.</exception>
    public ConversionSource(Checkpoint checkpoint, ModelKind? only)
    {
        Checkpoint = checkpoint;
        IsWhole = only is null;
        SourceModel[] all =
        [
            .. checkpoint.Sets.SelectMany(set => set.Models.Select(m => new SourceModel(set, m.Model, m.Weights))),
        ];
        Models = [.. all.Where(model => only is null || model.Kind == only)];
        if (Models.Count == 0)
        {
            IEnumerable<string> held = all.Select(model => ModelDetection.Noun(model.Kind));
            throw new CheckpointException(
                $"{MessageText.Name(checkpoint.Source)}: has no {ModelDetection.Noun(only!.Value)}, it holds " +
                string.Join(", ", held));
        }
    }

    /// <summary>The checkpoint.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>What is written.</summary>
    public IReadOnlyList<SourceModel> Models { get; }

    /// <summary>Whether everything is wanted rather than one part.</summary>
    public bool IsWhole { get; }

    /// <summary>The one model written; null where there are several.</summary>
    public SourceModel? Alone => Models.Count == 1 ? Models[0] : null;

    /// <summary>The UNet among them; null where there is none.</summary>
    public SourceModel? Unet => Models.FirstOrDefault(model => model.Kind == ModelKind.Unet);

    /// <summary>
    /// Tensors of original sets that lie below the prefix of no model: buffers of the sampler, averages of training.
    /// </summary>
    public IEnumerable<KeyValuePair<string, WeightSlot>> Loose() =>
        Models.Where(model => model.IsOriginal).Select(model => model.Set).Distinct()
            .SelectMany(set => set.Files.Tensors.Where(tensor =>
                !set.Models.Any(m => tensor.Key.StartsWith(m.Model.Prefix, StringComparison.Ordinal))));

    /// <summary>Text of the headers, that of the UNet first.</summary>
    public Dictionary<string, string> Metadata()
    {
        Dictionary<string, string> all = new(StringComparer.Ordinal);
        foreach (SourceModel model in Models.OrderBy(model => model.Kind != ModelKind.Unet))
        {
            foreach ((string key, string value) in model.Set.Files.Metadata)
            {
                all.TryAdd(key, value);
            }
        }

        return all;
    }

    /// <summary>The file of original tensors that a conversion left in a folder; null where there is none.</summary>
    public string? OriginalOnlyPath()
    {
        string path = Path.Combine(Checkpoint.Source, ConversionPlan.OriginalOnly);
        return Checkpoint.Layout != CheckpointLayout.SingleFile && File.Exists(path) ? path : null;
    }
}
