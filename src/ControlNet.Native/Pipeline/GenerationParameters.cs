using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using ControlNet.Native.Sampling;
using ControlNet.Native.Weights;

namespace ControlNet.Native;

/// <summary>
/// Writes what made an image in the layout of the A1111 web UI, which other tools read from the PNG text entry
/// <c>parameters</c>: the prompt, a line with the negative prompt, and one line of settings.
/// </summary>
internal static class GenerationParameters
{
    /// <summary>The three parts, separated by line feeds.</summary>
    /// <param name="plan">What was carried out.</param>
    /// <param name="model">Name of the checkpoint.</param>
    /// <param name="loras">What was applied to it; null for nothing.</param>
    public static string Write(GenerationPlan plan, string model, IReadOnlyList<LoraUse>? loras = null)
    {
        ImageRequest request = plan.Request;
        SchedulerConfig scheduler = plan.Sampler.Config;
        StringBuilder text = new();
        text.Append(request.Prompt).Append('\n');
        if (request.NegativePrompt.Length > 0)
        {
            text.Append("Negative prompt: ").Append(request.NegativePrompt).Append('\n');
        }

        List<string> settings =
        [
            Invariant($"Steps: {plan.Sampler.Steps}"),
            $"Sampler: {SamplerNames.Of(scheduler.Kind)}",
            $"Schedule type: {SamplerNames.Of(scheduler.SigmaSchedule)}",
            Invariant($"CFG scale: {request.GuidanceScale}"),
            Invariant($"Seed: {request.Seed}"),
            Invariant($"Size: {plan.Width}x{plan.Height}"),
            $"Model: {Quoted(model)}",
        ];
        if (scheduler.Eta > 0)
        {
            settings.Add(Invariant($"Eta: {(float)scheduler.Eta}"));
        }

        if (plan.HasGuidance && request.GuidanceRescale > 0)
        {
            settings.Add(Invariant($"Guidance rescale: {request.GuidanceRescale}"));
        }

        if ((scheduler.Timesteps ?? scheduler.Sigmas) is { } steps)
        {
            string list = string.Join(' ', steps.Select(step => step.ToString(CultureInfo.InvariantCulture)));
            settings.Add($"{(scheduler.Timesteps is null ? "Sigmas" : "Timesteps")}: {list}");
        }

        if (request.ClipSkip > 1)
        {
            settings.Add(Invariant($"Clip skip: {request.ClipSkip}"));
        }

        if (plan.HasGuidance && request.NegativeClipSkip is { } skip && skip != request.ClipSkip)
        {
            settings.Add(Invariant($"Negative clip skip: {skip}"));
        }

        // A1111 knows the values of RNG; where the seed was not what the noise came from, it says nothing of it.
        settings.Add(request.NoiseSource is null
            ? $"RNG: {(request.NoiseGenerator == NoiseGenerator.TorchCpu ? "CPU" : "GPU")}"
            : "Noise source: custom");
        if (request.InitialLatents is not null)
        {
            settings.Add("Initial latents: given");
        }

        if (loras is { Count: > 0 })
        {
            settings.Add($"Lora: \"{string.Join(", ", loras.Select(NameOf))}\"");
        }

        settings.AddRange(request.Controls.Select((control, i) =>
            Invariant($"ControlNet {i}: \"Model: {OnOneLine(control.Net.Name)}, Weight: {control.Scale}, ") +
            Invariant($"Guidance Start: {control.Start}, Guidance End: {control.End}, ") +
            $"Control Mode: {NameOf(control.Mode)}\""));
        return text.Append(string.Join(", ", settings)).ToString();
    }

    /// <summary>The words of the A1111 extension, which has no name for the guess mode of diffusers.</summary>
    private static string NameOf(ControlMode mode) => mode switch
    {
        ControlMode.Balanced => "Balanced",
        ControlMode.Prompt => "My prompt is more important",
        ControlMode.Control => "ControlNet is more important",
        _ => "Guess",
    };

    /// <summary>Name and scale as in A1111's prompts: where both differ, the text encoder's comes first.</summary>
    private static string NameOf(LoraUse use) =>
        OnOneLine(use.Lora.Name) +
        (use.TextScale is { } text && text != use.Scale ? Invariant($":{text}") : string.Empty) +
        Invariant($":{use.Scale}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A value with a comma, colon or quote would read as several; such values are quoted.</summary>
    private static string Quoted(string value) =>
        value.AsSpan().IndexOfAny(",:\"\n") < 0 ? value : $"\"{OnOneLine(value)}\"";

    /// <summary>A value that can stand between quotes.</summary>
    private static string OnOneLine(string value) => value.Replace('"', '\'').Replace('\n', ' ');
}
