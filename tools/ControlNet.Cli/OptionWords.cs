using System.Collections.Generic;
using System.Text.RegularExpressions;

namespace ControlNet.Cli;

/// <summary>Puts the options of the command line for the properties that a refusal of the library names.</summary>
internal static partial class OptionWords
{
    private static readonly Dictionary<string, string> s_options = new()
    {
        ["Prompt"] = "--prompt",
        ["NegativePrompt"] = "--negative-prompt",
        ["TruncatePrompt"] = "--truncate-prompt",
        ["PromptSyntax"] = "--prompt-syntax",
        ["PromptEmbedding"] = "--prompt-embeddings",
        ["NegativePromptEmbedding"] = "--prompt-embeddings",
        ["Width"] = "--width",
        ["Height"] = "--height",
        ["Steps"] = "--steps",
        ["GuidanceScale"] = "--cfg-scale",
        ["Sampler"] = "--sampler",
        ["SigmaSchedule"] = "--scheduler",
        ["GuidanceRescale"] = "--guidance-rescale",
        ["Timesteps"] = "--timesteps",
        ["Sigmas"] = "--sigmas",
        ["Eta"] = "--eta",
        ["ClipSkip"] = "--clip-skip",
        ["Seed"] = "--seed",
        ["InitialLatents"] = "--init-latents",
        ["InitialImage"] = "--init-image",
        ["Strength"] = "--strength",
        ["Mask"] = "--mask",
        ["KeepUnmasked"] = "--keep-unmasked",
        ["HiresPass"] = "--hires-scale",
        ["LayerScales"] = "--control-layers",
        ["Tokenizer"] = "--tokenizer",
        ["ConfigsFrom"] = "--config",
        ["Overwrite"] = "--force",
        ["WeightStorage"] = "--weight-type",
        ["Activations"] = "--precision",
        ["Prediction"] = "--prediction",
        ["PredictionType"] = "--prediction",
        ["BatchSize"] = "--batch",
        ["Accumulation"] = "--accumulate",
        ["LearningRate"] = "--lr",
        ["WarmupSteps"] = "--warmup",
        ["TotalSteps"] = "--steps",
        ["ClipNorm"] = "--clip",
        ["EmaDecay"] = "--ema",
        ["PromptDrop"] = "--prompt-drop",
        ["MinTimestep"] = "--min-timestep",
        ["MaxTimestep"] = "--max-timestep",
        ["DecoderLearningRate"] = "--decoder-lr",
        ["DivergenceWeight"] = "--kl-weight",
        ["Recompute"] = "--recompute",
        ["SaveEvery"] = "--save-every",
        ["KeepCheckpoints"] = "--keep",
        ["PreviewEvery"] = "--sample-every",
        ["PreviewCount"] = "--samples",
        ["PreviewSteps"] = "--sample-steps",
        ["PreviewGuidanceScale"] = "--sample-cfg-scale",
    };

    /// <summary>For example <c>--width is 100, but must be a multiple of 8</c>.</summary>
    public static string Translate(string message) =>
        Twice().Replace(
            Property().Replace(
                HiresOptions.Translate(message),
                match => s_options.GetValueOrDefault(match.Groups[1].Value, match.Value)),
            "$1");

    // A property as messages write it, alone or behind the name of its record; never inside quotation marks.
    [GeneratedRegex(
        @"(?<!['\w.])(?:(?:ImageRequest|LoadOptions|CheckpointOptions)\.)?"
        + @"([A-Z]\w*)(?!['\w])")]
    private static partial Regex Property();

    // Some messages of the library name the option themselves, in brackets behind the property.
    [GeneratedRegex(@"(--[a-z-]+) \(\1\)")]
    private static partial Regex Twice();
}
