using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>
/// Plans the single file of the authors' code: <c>model.diffusion_model.*</c>, <c>first_stage_model.*</c>,
/// <c>cond_stage_model.*</c> and <c>control_model.*</c>. Models that bear these names already are written as they are.
/// </summary>
internal static class OriginalLayout
{
    private const string Vae = "first_stage_model.", OpenClip = "cond_stage_model.model.";

    /// <summary>Plans the file.</summary>
    /// <param name="source">What goes into it.</param>
    /// <param name="originalOnly">The tensors that a conversion to a folder had no place for; null for none.</param>
    public static ConversionPlan Plan(ConversionSource source, SafeTensorsFile? originalOnly)
    {
        ConversionPlan plan = new();
        Dictionary<string, PlannedTensor> tensors = new(StringComparer.Ordinal);
        bool isOpenClip = IsOpenClip(source);
        foreach (SourceModel model in source.Models)
        {
            string prefix = Prefix(source, model, isOpenClip);
            IEnumerable<PlannedTensor> own = model.IsOriginal
                ? model.Entries().Select(t => t with { Name = prefix + t.Name[model.Model.Prefix.Length..] })
                : Renamed(source, model, prefix, isOpenClip, plan);
            foreach (PlannedTensor tensor in own)
            {
                tensors.Add(tensor.Name, tensor);
            }
        }

        AddLoose(source, tensors, plan);
        AddOriginalOnly(source, originalOnly, tensors, plan);
        AddUnusedBlock(tensors);
        if (source.IsWhole && source.Unet is { IsOriginal: false }
            && source.Checkpoint.SchedulerConfigPath is string scheduler)
        {
            foreach (PlannedTensor buffer in ScheduleBuffers.Of(ConfigJson.Read(scheduler)))
            {
                tensors.TryAdd(buffer.Name, buffer);
            }
        }

        Dictionary<string, string> metadata = source.Metadata();
        if (source.Unet is not null && !source.Checkpoint.Report().PredictionIsAssumed)
        {
            metadata.TryAdd("modelspec.prediction_type", source.Checkpoint.PredictionType switch
            {
                "v_prediction" => "v",
                string other => other,
            });
        }

        string component = source.Alone is { } alone ? ModelDetection.Noun(alone.Kind) : "model";
        plan.Files.Add(new PlannedFile(string.Empty, component, [.. tensors.Values], metadata));
        return plan;
    }

    private static bool IsOpenClip(ConversionSource source) =>
        source.Checkpoint.Version == ModelVersion.StableDiffusion2
        || (source.Checkpoint.Version == ModelVersion.Unknown
            && source.Checkpoint.Text?.Config.HiddenActivation == Activation.Gelu);

    // An autoencoder alone has no prefix: so are those that people publish.
    private static string Prefix(ConversionSource source, SourceModel model, bool isOpenClip) => model.Kind switch
    {
        ModelKind.Vae when source.Alone is not null => string.Empty,
        _ when model.IsOriginal => model.Model.Prefix,
        ModelKind.Vae => Vae,
        ModelKind.Unet => "model.diffusion_model.",
        ModelKind.ControlNet => "control_model.",
        _ => isOpenClip ? OpenClip : "cond_stage_model.transformer.",
    };

    private static IEnumerable<PlannedTensor> Renamed(
        ConversionSource source, SourceModel model, string prefix, bool isOpenClip, ConversionPlan plan)
    {
        bool isText = model.Kind == ModelKind.Text;
        HashSet<string> placed = [];
        if (isText && !isOpenClip)
        {
            foreach ((string name, WeightSlot slot) in model.PositionIds())
            {
                placed.Add(slot.Entry.Name);
                yield return PlannedTensor.AsIs(prefix + name, slot);
            }
        }

        plan.LeftOut.AddRange(model.Set.Files.Tensors.Keys
            .Where(name => !model.Set.Claimed.Contains(name) && !placed.Contains(name)));
        Func<string, (string Name, int Part)?> translate = Translator(model, isOpenClip);
        IEnumerable<IGrouping<string, (int Part, string Weight)>> groups = model.Weights.Slots.Keys
            .Select(weight => (Place: translate(weight) ?? throw Nameless(source, weight), Weight: weight))
            .GroupBy(t => t.Place.Name, t => (t.Place.Part, t.Weight), StringComparer.Ordinal);
        foreach (IGrouping<string, (int Part, string Weight)> group in groups)
        {
            Piece[] pieces =
            [
                .. group.OrderBy(part => part.Part)
                    .Select(part => new Piece(model.Weights.Slots[part.Weight], model.Kind, part.Weight)),
            ];
            yield return new PlannedTensor(prefix + group.Key, Shape(source, model, pieces), pieces);
        }
    }

    private static Func<string, (string Name, int Part)?> Translator(SourceModel model, bool isOpenClip)
    {
        HashSet<string> names = [.. model.Weights.Slots.Keys];
        switch (model.Kind)
        {
            case ModelKind.Text:
                return isOpenClip ? OpenClipNames.Back : static name => (name, 0);
            case ModelKind.Vae:
                VaeNames vae = new(names);
                return name => vae.Back(name) is string known ? (known, 0) : null;
            default:
                OriginalUnetNames unet = new(names);
                return name => unet.Find(name) is string known ? (known, 0) : null;
        }
    }

    /// <summary>Fused weights lie one behind the other; attention of an autoencoder is a 1x1 convolution.</summary>
    private static IReadOnlyList<long> Shape(ConversionSource source, SourceModel model, Piece[] pieces)
    {
        IReadOnlyList<long> first = pieces[0].Slot.Extents;
        if (model.Kind == ModelKind.Vae && first.Count == 2)
        {
            return [.. first, 1, 1];
        }

        if (pieces.Length == 1)
        {
            return first;
        }

        return pieces.Length == OpenClipNames.FusedParts
            && pieces.All(piece => piece.Slot.Extents.SequenceEqual(first)) && first.Count > 0
            ? [first[0] * pieces.Length, .. first.Skip(1)]
            : throw new CheckpointException(
                $"{MessageText.Name(source.Checkpoint.Source)}: weight '{MessageText.Name(pieces[0].Weight!)}' has " +
                "no equals for query, key and value, which the original layout holds in one; the file is incomplete");
    }

    private static CheckpointException Nameless(ConversionSource source, string weight) => new(
        $"{MessageText.Name(source.Checkpoint.Source)}: weight '{MessageText.Name(weight)}' has no name in the " +
        "original layout; write a folder instead");

    private static void AddLoose(
        ConversionSource source, Dictionary<string, PlannedTensor> tensors, ConversionPlan plan)
    {
        foreach ((string name, WeightSlot slot) in source.Loose())
        {
            if (!source.IsWhole)
            {
                plan.LeftOut.Add(name);
            }
            else
            {
                tensors.TryAdd(name, PlannedTensor.AsIs(name, slot));
            }
        }
    }

    /// <summary>
    /// OpenCLIP's encoder has a block behind those that Stable Diffusion 2.x runs, and loaders take the last one for
    /// it. Folders do not carry it: where the source has none either, the last block that is run stands in.
    /// </summary>
    private static void AddUnusedBlock(Dictionary<string, PlannedTensor> tensors)
    {
        const string blocks = OpenClip + "transformer.resblocks.";
        int last = NameRules.Indices(tensors.Keys, blocks).DefaultIfEmpty(-1).Max();
        string own = $"{blocks}{last}.";
        PlannedTensor[] block =
            [.. tensors.Values.Where(tensor => tensor.Name.StartsWith(own, StringComparison.Ordinal))];

        // Only the blocks that are run are weights of the model.
        if (block.Any(tensor => tensor.Pieces.Any(piece => piece.Weight is not null)))
        {
            foreach (PlannedTensor tensor in block)
            {
                string name = $"{blocks}{last + 1}.{tensor.Name[own.Length..]}";
                tensors.Add(name, new PlannedTensor(
                    name, tensor.Shape, [.. tensor.Pieces.Select(piece => new Piece(piece.Slot))]));
            }
        }
    }

    private static void AddOriginalOnly(
        ConversionSource source, SafeTensorsFile? file, Dictionary<string, PlannedTensor> tensors, ConversionPlan plan)
    {
        foreach (SafeTensorsEntry entry in file?.Entries.Values ?? [])
        {
            if (!source.IsWhole || !tensors.TryAdd(entry.Name, PlannedTensor.AsIs(entry.Name, new(file!, entry))))
            {
                plan.LeftOut.Add(entry.Name);
            }
        }
    }
}
