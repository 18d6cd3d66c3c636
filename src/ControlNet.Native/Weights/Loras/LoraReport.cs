using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>What of a LoRA was applied, and what was not.</summary>
public sealed record LoraReport
{
    /// <summary>Name of the LoRA.</summary>
    public required string Name { get; init; }

    /// <summary>Whose names its tensors bear.</summary>
    public required LoraLayout Layout { get; init; }

    /// <summary>Its ranks, ascending.</summary>
    public required IReadOnlyList<int> Ranks { get; init; }

    /// <summary>How strongly it acts on UNet or ControlNet.</summary>
    public required float Scale { get; init; }

    /// <summary>How strongly it acts on the text encoder.</summary>
    public required float TextScale { get; init; }

    /// <summary>Modules of the file in all.</summary>
    public required int ModuleCount { get; init; }

    /// <summary>Modules that were applied, by network.</summary>
    public required IReadOnlyDictionary<LoraNetwork, int> AppliedTo { get; init; }

    /// <summary>Modules and lone tensors that were not, with the reason.</summary>
    public required IReadOnlyList<LoraLeftover> Unmatched { get; init; }

    /// <summary>Modules that were applied.</summary>
    public int AppliedCount => AppliedTo.Values.Sum();

    private string Source { get; init; } = string.Empty;

    /// <summary>Brings together what a LoRA matched in several networks.</summary>
    /// <param name="use">The LoRA.</param>
    /// <param name="matches">One for each network it is applied to.</param>
    /// <param name="strict">Whether everything must apply.</param>
    /// <exception cref="CheckpointException">Nothing applies, or not all that must.</exception>
    internal static LoraReport Of(LoraUse use, IReadOnlyList<LoraMatch> matches, bool strict)
    {
        Lora lora = use.Checked().Lora;
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (LoraMatch match in matches)
        {
            seen.UnionWith(match.Fits.Select(fit => fit.Pair.Name));
            seen.UnionWith(match.Misses.Select(miss => miss.Name));
        }

        string networks = string.Join(" and ", matches.Select(match => LoraTargets.NounOf(match.Network)));
        LoraReport report = new()
        {
            Source = lora.Source,
            Name = lora.Name,
            Layout = lora.Layout,
            Ranks = lora.Ranks,
            Scale = use.Scale,
            TextScale = use.For(LoraNetwork.Text),
            ModuleCount = lora.ModuleCount,
            AppliedTo = matches.ToDictionary(match => match.Network, match => match.Fits.Count),
            Unmatched =
            [
                .. matches.SelectMany(match => match.Misses),
                .. lora.Pairs.Where(pair => !seen.Contains(pair.Name)).Select(pair => new LoraLeftover(
                    pair.Name,
                    $"it is made for a {LoraTargets.NounOf(pair.Address.Network)}, this is applied to {networks}")),
                .. lora.Leftovers,
            ],
        };
        report.Require(networks, strict);
        return report;
    }

    /// <summary>One line: how many modules were applied, to what, and how.</summary>
    public override string ToString()
    {
        string networks = string.Join(", ", AppliedTo.Where(pair => pair.Value > 0)
            .OrderBy(pair => pair.Key)
            .Select(pair => string.Create(
                CultureInfo.InvariantCulture, $"{LoraTargets.NounOf(pair.Key)} {pair.Value}")));
        string ranks = Ranks.Count == 1 ? $"rank {Ranks[0]}" : $"ranks {Ranks[0]} to {Ranks[^1]}";
        string layout = Layout switch
        {
            LoraLayout.Kohya => "kohya",
            LoraLayout.Peft => "PEFT",
            _ => "old diffusers",
        };
        string scale = TextScale == Scale ? string.Empty
            : string.Create(CultureInfo.InvariantCulture, $" (text encoder {TextScale})");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{MessageText.Name(Name)}: LoRA, {AppliedCount} of {ModuleCount} modules applied ({networks}), {layout}, ")
            + string.Create(CultureInfo.InvariantCulture, $"{ranks}, scale {Scale}{scale}");
    }

    private void Require(string networks, bool strict)
    {
        if (AppliedCount > 0 && (Unmatched.Count == 0 || !strict))
        {
            return;
        }

        LoraLeftover first = Unmatched[0];
        string example = $"first '{MessageText.Name(first.Name)}': {first.Reason}";
        throw LoraFile.Refused(Source, AppliedCount == 0
            ? $"nothing of this LoRA ({ModuleCount} module{(ModuleCount == 1 ? "" : "s")}) fits this {networks}, " +
                $"{example}; choose one made for this base model"
            : $"{Unmatched.Count} of the {ModuleCount} modules of this LoRA were not applied, {example}; the others " +
                "are applied where it need not be strict (without --lora-strict)");
    }
}
