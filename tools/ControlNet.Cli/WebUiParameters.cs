using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;
using ControlNet.Native.Sampling;

namespace ControlNet.Cli;

/// <summary>
/// Reads the text that the A1111 web UI and the tools that follow it keep with a PNG as <c>parameters</c>: prompt,
/// negative prompt, and one line of settings that begins with <c>Steps:</c>. Source: parse_generation_parameters in
/// infotext_utils.py of stable-diffusion-webui.
/// </summary>
internal static partial class WebUiParameters
{
    private const string NegativePrompt = "Negative prompt: ";

    /// <summary>The options the text stands for, by name.</summary>
    /// <param name="text">The text of the PNG.</param>
    /// <param name="png">The file it is from, for messages.</param>
    /// <param name="given">Options the user gave; what they tell need not be in the text.</param>
    /// <exception cref="UsageException">
    /// The text has no settings, or needs a file that neither it nor the user names.
    /// </exception>
    public static SortedDictionary<string, string[]> Read(
        string text, string png, SortedDictionary<string, string[]> given)
    {
        string[] lines = text.Replace("\r", "", StringComparison.Ordinal).Trim('\n').Split('\n');
        if (!lines[^1].StartsWith("Steps: ", StringComparison.Ordinal))
        {
            throw new UsageException(
                $"the text 'parameters' of '{png}' does not end in a line of settings ('Steps: 20, …'); give the " +
                "options that made the image");
        }

        Dictionary<string, string> settings = Settings(lines[^1]);
        int negative = Array.FindIndex(lines, line => line.StartsWith(NegativePrompt, StringComparison.Ordinal));
        int end = negative < 0 ? lines.Length - 1 : negative;
        string prompt = string.Join('\n', lines[..end]);
        RequireFiles(settings, prompt, png, given);
        SortedDictionary<string, string[]> options = new(StringComparer.Ordinal)
        {
            ["--prompt"] = [WithoutLoras(prompt)],
        };
        if (negative >= 0)
        {
            options["--negative-prompt"] = [string.Join('\n', lines[negative..^1])[NegativePrompt.Length..]];
        }

        void Take(string setting, string option)
        {
            if (settings.TryGetValue(setting, out string? value))
            {
                options[option] = [value];
            }
        }

        Take("Steps", "--steps");
        Take("CFG scale", "--cfg-scale");
        Take("Seed", "--seed");
        Take("Clip skip", "--clip-skip");
        Take("Eta", "--eta");
        Take("Prompt syntax", "--prompt-syntax");
        Take("Guidance rescale", "--guidance-rescale");
        TakePasses(settings, options);
        if (settings.TryGetValue("Size", out string? size) && size.Split('x') is [string width, string height])
        {
            (options["--width"], options["--height"]) = ([width], [height]);
        }

        if (settings.TryGetValue("Sampler", out string? sampler))
        {
            TakeSampler(sampler, settings.GetValueOrDefault("Schedule type"), png, options);
        }

        // A1111 draws its noise on the GPU unless it says otherwise.
        options["--rng"] = [settings.GetValueOrDefault("RNG") == "CPU" ? "cpu" : "cuda"];
        return options;
    }

    /// <summary>Values with a comma stand in quotation marks.</summary>
    private static Dictionary<string, string> Settings(string line) =>
        Setting().Matches(line).ToDictionaryLast(
            match => match.Groups[1].Value.Trim(), match => match.Groups[2].Value.Trim().Trim('"'));

    private static void TakeSampler(
        string name, string? schedule, string png, SortedDictionary<string, string[]> options)
    {
        // Before version 1.9 of the web UI the schedule was a part of the sampler's name: 'DPM++ 2M Karras'.
        foreach (string word in SamplerNames.Schedules)
        {
            if (name.EndsWith(" " + word, StringComparison.OrdinalIgnoreCase))
            {
                (name, schedule) = (name[..^(word.Length + 1)], word);
            }
        }

        options["--sampler"] =
        [
            name.ToUpperInvariant() switch
            {
                "EULER A" => "euler_a",
                "DPM++ 2M" => "dpmpp_2m",
                "DPM++ 2M SDE" => "dpmpp_2m_sde",
                "DPM2 A" => "dpm2_a",
                "PLMS" => "pndm",
                _ => Known(name) ?? throw new UsageException(
                    $"'{png}' was made with the sampler '{name}', which this tool has not; take another with " +
                    "--sampler"),
            },
        ];
        if (schedule is not null && SamplerNames.Schedules.Contains(schedule.ToLowerInvariant()))
        {
            options["--scheduler"] = [schedule.ToLowerInvariant()];
        }
    }

    private static string? Known(string name)
    {
        try
        {
            return SamplerNames.Of(SamplerNames.Sampler(name));
        }
        catch (SamplingException)
        {
            return null;
        }
    }

    private static Dictionary<string, string> ToDictionaryLast(
        this IEnumerable<Match> matches, Func<Match, string> key, Func<Match, string> value)
    {
        Dictionary<string, string> result = new(StringComparer.Ordinal);
        foreach (Match match in matches)
        {
            result[key(match)] = value(match);
        }

        return result;
    }

    [GeneratedRegex(@"\s*(\w[\w \-/]+):\s*(""(?:\\.|[^\\""])+""|[^,]*)(?:,|$)")]
    private static partial Regex Setting();
}
