using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>Gives the tensors of one detected model the names of diffusers.</summary>
internal static class ComponentMapper
{
    /// <summary>Maps a model.</summary>
    /// <param name="files">The set of tensors it lies in.</param>
    /// <param name="model">Which one.</param>
    /// <param name="claimed">Receives the file's name of every tensor that got a new name.</param>
    /// <exception cref="CheckpointException">
    /// Two tensors have one meaning, or a fused tensor cannot be split.
    /// </exception>
    public static ComponentWeights Map(TensorFiles files, DetectedModel model, ISet<string> claimed)
    {
        Dictionary<string, string> byShortName = files.Tensors.Keys
            .Where(name => name.StartsWith(model.Prefix, StringComparison.Ordinal))
            .ToDictionary(name => name[model.Prefix.Length..], StringComparer.Ordinal);
        HashSet<string> names = new(byShortName.Keys, StringComparer.Ordinal);
        Func<string, string[]> translate = Translator(model, names);

        Dictionary<string, WeightSlot> slots = new(StringComparer.Ordinal);
        foreach ((string name, string fileName) in byShortName)
        {
            string[] targets = translate(name);
            WeightSlot slot = files.Tensors[fileName];
            if (targets.Length > 1 && (slot.Extents.Count == 0 || slot.Extents[0] % targets.Length != 0))
            {
                throw new CheckpointException(
                    $"{MessageText.Name(files.Name)}: tensor '{MessageText.Name(fileName)}' {slot.ExtentsText} holds " +
                    $"{targets.Length} weights one after the other, but its first extent is not a multiple of " +
                    $"{targets.Length}");
            }

            for (int part = 0; part < targets.Length; part++)
            {
                WeightSlot piece = targets.Length == 1 ? slot : slot.Rows(part, targets.Length);
                piece = IsMatrix(model, targets[part]) ? piece.AsMatrix() : piece;
                if (!slots.TryAdd(targets[part], piece))
                {
                    throw new CheckpointException(
                        $"{MessageText.Name(files.Name)}: tensors " +
                        $"'{MessageText.Name(slots[targets[part]].Entry.Name)}' and " +
                        $"'{MessageText.Name(fileName)}' both are '{targets[part]}'; the file mixes two layouts");
                }

                claimed.Add(fileName);
            }
        }

        return new ComponentWeights(files.Name, slots);
    }

    private static Func<string, string[]> Translator(DetectedModel model, HashSet<string> names)
    {
        switch (model.Kind, model.Style)
        {
            case (ModelKind.Text, NameStyle.OpenClip):
                return new OpenClipNames(names).Translate;
            case (ModelKind.Text, _):
                return TranslateText;
            case (ModelKind.Vae, NameStyle.Original):
                VaeNames vae = new(names);
                return name => Found(vae.Translate(name));
            case (ModelKind.Vae, _):
                return name => [VaeNames.Modernise(name)];
            case (_, NameStyle.Original):
                LdmUnetNames unet = new(names);
                return name => Found(unet.Translate(name));
            default:
                return name => [name];
        }
    }

    // The position ids are the numbers from 0 on; some exporters left 'text_model.' out.
    private static string[] TranslateText(string name) =>
        name.EndsWith("position_ids", StringComparison.Ordinal) ? []
        : name.StartsWith("text_model.", StringComparison.Ordinal) ? [name]
        : name.StartsWith("embeddings.", StringComparison.Ordinal)
            || name.StartsWith("encoder.", StringComparison.Ordinal)
            || name.StartsWith("final_layer_norm.", StringComparison.Ordinal) ? ["text_model." + name]
        : [];

    private static bool IsMatrix(DetectedModel model, string target) =>
        model.Kind == ModelKind.Vae && target.Contains(".attentions.", StringComparison.Ordinal);

    private static string[] Found(string? name) => name is null ? [] : [name];
}
