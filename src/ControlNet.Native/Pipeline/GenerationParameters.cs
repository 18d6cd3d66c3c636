using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using ControlNet.Native.Sampling;

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
    public static string Write(GenerationPlan plan, string model)
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
            Invariant($"Steps: {request.Steps}"),
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

        settings.AddRange(request.Controls.Select((control, i) =>
            Invariant($"ControlNet {i}: \"Model: {OnOneLine(control.Net.Name)}, Weight: {control.Scale}, ") +
            $"Resize Mode: {ControlParameters.NameOf(control.Resize)}, " +
            Invariant($"Guidance Start: {control.Start}, Guidance End: {control.End}, ") +
            $"Control Mode: {ControlParameters.NameOf(control.Mode)}\""));
        settings.AddRange(ControlParameters.Others(request.Controls));
        return text.Append(string.Join(", ", settings)).ToString();
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A value with a comma, colon or quote would read as several; such values are quoted.</summary>
    private static string Quoted(string value) =>
        value.AsSpan().IndexOfAny(",:\"\n") < 0 ? value : $"\"{OnOneLine(value)}\"";

    /// <summary>A value that can stand between quotes.</summary>
    private static string OnOneLine(string value) => value.Replace('"', '\'').Replace('\n', ' ');
}
