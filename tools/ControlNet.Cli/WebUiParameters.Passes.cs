using System;
using System.Collections.Generic;
using System.Text.RegularExpressions;

namespace ControlNet.Cli;

/// <content>What started from a picture, second passes, and what was read from files.</content>
internal static partial class WebUiParameters
{
    private const string Strength = "Denoising strength";

    /// <summary>What the text cannot tell whole, and the option that tells it.</summary>
    private static readonly (string Setting, string Option)[] s_needFiles =
    [
        ("ControlNet 0", "--control-net"),
        ("ControlNet", "--control-net"),
        ("Mask blur", "--mask"),
        ("Initial latents", "--init-latents"),
        ("Prompt embedding", "--prompt-embeddings"),
        ("TI", "--embedding"),
        ("TI hashes", "--embedding"),
        ("Lora", "--lora"),
        ("Lora hashes", "--lora"),
    ];

    private static void RequireFiles(
        Dictionary<string, string> settings, string prompt, string png, SortedDictionary<string, string[]> given)
    {
        foreach ((string setting, string option) in s_needFiles)
        {
            if (settings.ContainsKey(setting))
            {
                Require(setting, option);
            }
        }

        // A second pass has a strength too, and no picture.
        if (settings.ContainsKey(Strength) && !HasSecondPass(settings))
        {
            Require(Strength, "--init-image");
        }

        if (LoraTag().Match(prompt) is { Success: true } tag)
        {
            Require(tag.Value, "--lora");
        }

        void Require(string setting, string option)
        {
            if (!given.ContainsKey(option))
            {
                throw new UsageException(
                    $"'{png}' was made with '{setting}', and its text does not say from which file; give it " +
                    $"with {option}");
            }
        }
    }

    /// <summary>The prompt as the text encoder read it.</summary>
    private static string WithoutLoras(string prompt) => LoraTag().Replace(prompt, string.Empty);

    private static void TakePasses(
        Dictionary<string, string> settings, SortedDictionary<string, string[]> options)
    {
        if (settings.TryGetValue(Strength, out string? strength))
        {
            options[HasSecondPass(settings) ? "--hires-strength" : "--strength"] = [strength];
        }

        if (settings.TryGetValue("Hires upscale", out string? scale))
        {
            options["--hires-scale"] = [scale];
        }

        if (settings.TryGetValue("Hires resize", out string? size) && size.Split('x') is [string width, string height])
        {
            (options["--hires-width"], options["--hires-height"]) = ([width], [height]);
        }

        if (settings.TryGetValue("Hires steps", out string? steps))
        {
            options["--hires-steps"] = [steps];
        }

        // Upscalers that are networks are not here; a resampled picture comes nearest to them.
        if (settings.TryGetValue("Hires upscaler", out string? upscaler))
        {
            options["--hires-upscaler"] =
            [
                upscaler switch
                {
                    "Latent" => "latent",
                    "Latent (nearest)" or "Latent (nearest-exact)" => "latent-nearest",
                    _ => "image",
                },
            ];
        }
    }

    private static bool HasSecondPass(Dictionary<string, string> settings) =>
        settings.ContainsKey("Hires upscale") || settings.ContainsKey("Hires resize");

    [GeneratedRegex("<lora:[^>]+>")]
    private static partial Regex LoraTag();
}
