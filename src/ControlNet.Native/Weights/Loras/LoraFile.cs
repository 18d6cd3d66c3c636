using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>Reads which modules a LoRA has off the names and shapes of its tensors.</summary>
internal static class LoraFile
{
    private const string Supported = "this library applies LoRA of Stable Diffusion 1.x and 2.x";

    // Fragments of module names that give other families away; no network of SD 1.x or 2.x has them.
    private static readonly (string Fragment, string What)[] s_others =
    [
        ("lora_te1_", "Stable Diffusion XL"), ("lora_te2_", "Stable Diffusion XL"),
        ("text_encoder_2.", "Stable Diffusion XL"), ("transformer_blocks_1_", "Stable Diffusion XL"),
        ("transformer_blocks.1.", "Stable Diffusion XL"), ("add_embedding", "Stable Diffusion XL"),
        ("label_emb", "Stable Diffusion XL"), ("lora_transformer_", "a diffusion transformer"),
        ("joint_blocks", "a diffusion transformer"), ("double_blocks", "a diffusion transformer"),
        ("single_transformer_blocks", "a diffusion transformer"),
    ];

    /// <summary>What a file was found to hold.</summary>
    /// <param name="Pairs">Modules that can be applied, in the order of their names.</param>
    /// <param name="Leftovers">What cannot, likewise.</param>
    /// <param name="Layout">Whose names most modules bear.</param>
    public sealed record Contents(
        IReadOnlyList<LoraPair> Pairs, IReadOnlyList<LoraLeftover> Leftovers, LoraLayout Layout);

    /// <summary>Sorts tensors into modules.</summary>
    /// <param name="source">Names the file in messages.</param>
    /// <param name="tensors">Every tensor under its name in the file.</param>
    /// <param name="alphas">Where strengths are written down beside the tensors.</param>
    /// <exception cref="CheckpointException">
    /// It is no LoRA, or made for a family this library does not compute.
    /// </exception>
    public static Contents Read(
        string source, IReadOnlyDictionary<string, WeightSlot> tensors, LoraAlphas alphas)
    {
        SortedDictionary<string, Draft> drafts = new(StringComparer.Ordinal);
        List<LoraLeftover> leftovers = [];
        foreach ((string name, WeightSlot slot) in tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            LoraTensorName parsed = LoraTensorName.Parse(name);
            if (parsed.Role == LoraRole.None)
            {
                leftovers.Add(new LoraLeftover(name, "it is no tensor of a LoRA that this library knows"));
                continue;
            }

            if (!drafts.TryGetValue(parsed.Owner, out Draft? draft))
            {
                drafts.Add(parsed.Owner, draft = new Draft());
            }

            draft.Add(source, parsed, slot);
        }

        if (drafts.Count == 0)
        {
            throw Refused(source, WhatElse(source, [.. tensors.Keys]));
        }

        CheckFamily(source, drafts.Keys);
        List<LoraPair> pairs = [];
        foreach ((string owner, Draft draft) in drafts)
        {
            if (draft.Problem is string problem)
            {
                leftovers.Add(new LoraLeftover(owner, problem));
            }
            else
            {
                pairs.Add(Pair(source, owner, draft, alphas));
            }
        }

        LoraLayout layout = drafts.Values.CountBy(draft => draft.Layout).MaxBy(pair => pair.Value).Key;
        return new Contents(pairs, leftovers, layout);
    }

    /// <summary>Whether a tensor has these extents; a trailing 1 x 1 may be left out.</summary>
    public static bool HasExtents(WeightSlot slot, ReadOnlySpan<long> wanted)
    {
        ReadOnlySpan<long> found = [.. slot.Extents];
        bool isPointwise = wanted[2] == 1 && wanted[3] == 1;
        return found.SequenceEqual(wanted) || (isPointwise && found.SequenceEqual(wanted[..2]));
    }

    /// <summary>The name of a tensor as messages show it.</summary>
    public static string NameOf(WeightSlot slot) => MessageText.Name(slot.Entry.Name);

    public static CheckpointException Refused(string source, string problem) =>
        new($"{MessageText.Name(source)}: {problem}");

    private static LoraPair Pair(string source, string owner, Draft draft, LoraAlphas alphas)
    {
        (WeightSlot down, WeightSlot up) = (draft.Down!, draft.Up!);
        if (down.Extents.Count is not (2 or 4) || down.Count == 0)
        {
            throw Refused(
                source, $"tensor '{NameOf(down)}' is {down.ExtentsText}, but must be [rank, In] or [rank, In, K, K]");
        }

        long rank = down.Extents[0];
        if (up.Extents.Count < 2 || up.Count == 0 || !HasExtents(up, [up.Extents[0], rank, 1, 1]))
        {
            throw Refused(
                source,
                $"tensor '{NameOf(up)}' is {up.ExtentsText}, but must be [Out, {rank}]: '{NameOf(down)}' is " +
                $"{down.ExtentsText}, of rank {rank}");
        }

        double alpha = draft.Alpha is { } slot ? ReadAlpha(source, slot) : alphas.Of(owner, (int)rank);
        return new LoraPair(owner, down, up, alpha);
    }

    private static double ReadAlpha(string source, WeightSlot slot)
    {
        float[] values = slot.Count == 1 ? WeightElements.Read(slot) : [];
        return values is [float alpha] && float.IsFinite(alpha)
            ? alpha
            : throw Refused(
                source,
                $"tensor '{NameOf(slot)}' is {slot.Entry.DType} {slot.ExtentsText}" +
                $"{(values.Length == 1 ? $" and holds {values[0]}" : string.Empty)}, but must be one finite number");
    }

    private static void CheckFamily(string source, IEnumerable<string> owners)
    {
        foreach (string owner in owners)
        {
            foreach ((string fragment, string what) in s_others)
            {
                if (owner.Contains(fragment, StringComparison.Ordinal))
                {
                    throw Refused(
                        source, $"this LoRA is made for {what} ('{MessageText.Name(owner)}'); {Supported}");
                }
            }
        }
    }

    /// <summary>What a file without tensors of a LoRA is.</summary>
    private static string WhatElse(string source, string[] names)
    {
        const string none = "this is no LoRA";
        try
        {
            IReadOnlyList<DetectedModel> models = ModelDetection.Detect(source, names);
            string nouns = string.Join(", ", models.Select(model => ModelDetection.Noun(model.Kind)));
            bool isControl = models.Any(model => model.Kind == ModelKind.ControlNet);
            string option = isControl ? "--control-net" : "--model";
            return $"{none}, it is a checkpoint ({nouns}); open it as the model ({option})";
        }
        catch (CheckpointException e)
        {
            return $"{none}: {e.Message[(e.Message.IndexOf(": ", StringComparison.Ordinal) + 2)..]}";
        }
    }

    /// <summary>The tensors of one module as they come.</summary>
    private sealed class Draft
    {
        private string? _foreign;

        public WeightSlot? Down { get; private set; }

        public WeightSlot? Up { get; private set; }

        public WeightSlot? Alpha { get; private set; }

        public LoraLayout Layout { get; private set; }

        /// <summary>Why the module cannot be applied; null when it can.</summary>
        public string? Problem =>
            _foreign is not null ? _foreign + ": not computed"
            : Down is null && Up is null ? "it has an alpha but no factors"
            : Up is null ? "it has a factor that reads (down, A) but none that writes (up, B)"
            : Down is null ? "it has a factor that writes (up, B) but none that reads (down, A)"
            : null;

        public void Add(string source, LoraTensorName name, WeightSlot slot)
        {
            WeightSlot? before = name.Role switch
            {
                LoraRole.Down => Down,
                LoraRole.Up => Up,
                LoraRole.Alpha => Alpha,
                _ => null,
            };
            if (before is not null)
            {
                throw Refused(
                    source,
                    $"tensors '{NameOf(before)}' and '{NameOf(slot)}' are the same factor of one module; " +
                    "the file mixes two adapters");
            }

            Layout = name.Role is LoraRole.Down or LoraRole.Up ? name.Layout : Layout;
            switch (name.Role)
            {
                case LoraRole.Down:
                    Down = slot;
                    break;
                case LoraRole.Up:
                    Up = slot;
                    break;
                case LoraRole.Alpha:
                    Alpha = slot;
                    break;
                default:
                    _foreign = name.Reason;
                    break;
            }
        }
    }
}
