using System;
using System.Collections.Generic;
using System.Globalization;

namespace ControlNet.Native.Training;

/// <summary>How a ControlNet is trained. Defaults are those of the authors, but for the dropped prompts.</summary>
public sealed record ControlNetTrainingOptions : TrainingOptions
{
    /// <summary>
    /// Whether the base model stays as it is (sd_locked). Otherwise the UNet's decoder is trained, too, and exported.
    /// </summary>
    public bool LockBase { get; init; } = true;

    /// <summary>Learning rate of the UNet's decoder where it is trained; the schedule applies.</summary>
    public double DecoderLearningRate { get; init; } = 2e-6;

    /// <summary>Whether only the middle block is controlled (only_mid_control).</summary>
    public bool OnlyMidControl { get; init; }

    /// <summary>
    /// Widths of the hint encoder; null for those of the paper, in proportion to the base model's width.
    /// </summary>
    public IReadOnlyList<int>? HintChannels { get; init; }

    /// <summary>What the network is made of; anything but the standard is for comparison.</summary>
    public ControlNetVariant Variant { get; init; }

    /// <summary>
    /// A ControlNet to train on from, rather than from a copy of the UNet's encoder: a folder or file as
    /// <see cref="Control.ControlNetModel"/> loads it, made for the same base. Null for the copy. Its widths and
    /// whether it is lite are its own: <see cref="HintChannels"/> and <see cref="Variant"/> are left at their defaults.
    /// </summary>
    public string? InitialControlNet { get; init; }

    /// <summary>In which layouts the ControlNet is exported.</summary>
    public ExportLayouts ExportLayouts { get; init; } = ExportLayouts.Diffusers;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (ExportLayouts is 0 or > (ExportLayouts.Diffusers | ExportLayouts.Original))
        {
            throw new TrainingOptionsException(
                $"ExportLayouts is {ExportLayouts}, but must be Diffusers, Original or both");
        }

        foreach (int channels in HintChannels ?? [])
        {
            Require(nameof(HintChannels), channels, 1, 4096);
        }

        if (InitialControlNet is not null && (Variant != ControlNetVariant.Standard || HintChannels is not null))
        {
            throw new TrainingOptionsException(
                $"InitialControlNet is {InitialControlNet}, whose weights say what it is made of; leave " +
                $"{(HintChannels is null ? $"{nameof(Variant)} at Standard" : $"{nameof(HintChannels)} at null")}");
        }

        Require(nameof(DecoderLearningRate), DecoderLearningRate, 0, 1);
        if (Variant == ControlNetVariant.Lite && ExportLayouts.HasFlag(ExportLayouts.Original))
        {
            throw new TrainingOptionsException(
                "Variant is Lite, which the original layout has no names for; export it as diffusers");
        }
    }

    internal override IEnumerable<string> Fingerprint() =>
    [
        .. base.Fingerprint(), $"locked {LockBase}", $"mid only {OnlyMidControl}", $"variant {Variant}",
        LockBase ? "" : string.Create(CultureInfo.InvariantCulture, $"decoder rate {DecoderLearningRate}"),
        .. InitialControlNet is null ? Array.Empty<string>() : ["from a ControlNet"],
    ];
}
