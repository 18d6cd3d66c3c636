using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>The files of a pipeline folder that are no component's: index, scheduler, tokenizer.</summary>
internal static class ModelIndex
{
    /// <summary>The scheduler of a single file, which names none: that of Stable Diffusion 1.x.</summary>
    public const string DefaultScheduler = "PNDMScheduler";

    // Those that diffusers and transformers save; vocab.json and merges.txt must be there.
    private static readonly string[] s_tokenizerFiles =
    [
        "vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json", "added_tokens.json",
        "tokenizer.json",
    ];

    /// <summary><c>model_index.json</c></summary>
    /// <param name="kinds">The models of the folder.</param>
    /// <param name="scheduler">Class of the scheduler.</param>
    /// <param name="hasTokenizer">Whether there is a tokenizer.</param>
    public static string Pipeline(IReadOnlyList<ModelKind> kinds, string scheduler, bool hasTokenizer) =>
        ConfigWriter.Json(json =>
        {
            json.WriteString("_class_name", "StableDiffusionPipeline");
            json.WriteString("_diffusers_version", "0.31.0");
            Member(json, "feature_extractor", null, null);
            json.WriteBoolean("requires_safety_checker", false);
            Member(json, "safety_checker", null, null);
            Member(json, "scheduler", "diffusers", scheduler);
            Component(ModelKind.Text, "transformers", "CLIPTextModel");
            Member(json, "tokenizer", hasTokenizer ? "transformers" : null, hasTokenizer ? "CLIPTokenizer" : null);
            Component(ModelKind.Unet, "diffusers", "UNet2DConditionModel");
            Component(ModelKind.Vae, "diffusers", "AutoencoderKL");

            void Component(ModelKind kind, string library, string className)
            {
                bool there = kinds.Contains(kind);
                Member(json, Checkpoint.FolderOf(kind), there ? library : null, there ? className : null);
            }
        });

    /// <summary>The configuration that <see cref="DefaultScheduler"/> has for a model without one.</summary>
    /// <param name="prediction">What the UNet predicts, as diffusers writes it.</param>
    public static string Scheduler(string prediction) => ConfigWriter.Json(json =>
    {
        json.WriteString("_class_name", DefaultScheduler);
        json.WriteString("_diffusers_version", "0.31.0");
        json.WriteNumber("beta_end", 0.012);
        json.WriteString("beta_schedule", "scaled_linear");
        json.WriteNumber("beta_start", 0.00085);
        json.WriteBoolean("clip_sample", false);
        json.WriteNumber("num_train_timesteps", 1000);
        json.WriteString("prediction_type", prediction);
        json.WriteBoolean("set_alpha_to_one", false);
        json.WriteBoolean("skip_prk_steps", true);
        json.WriteNumber("steps_offset", 1);
    });

    /// <summary>The files of a tokenizer's folder that belong to it.</summary>
    /// <exception cref="ConversionException">It has no vocabulary or no merges.</exception>
    public static IReadOnlyList<string> TokenizerFiles(string folder)
    {
        foreach (string needed in s_tokenizerFiles.Take(2))
        {
            if (!File.Exists(Path.Combine(folder, needed)))
            {
                throw new ConversionException(
                    $"{MessageText.Name(folder)}: has no {needed}; name a folder with vocab.json and merges.txt");
            }
        }

        return [.. s_tokenizerFiles.Select(name => Path.Combine(folder, name)).Where(File.Exists)];
    }

    private static void Member(Utf8JsonWriter json, string name, string? library, string? className)
    {
        json.WriteStartArray(name);
        json.WriteStringValue(library);
        json.WriteStringValue(className);
        json.WriteEndArray();
    }
}
