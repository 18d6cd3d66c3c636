using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>The models a checkpoint can hold.</summary>
internal enum ModelKind
{
    Unet,
    ControlNet,
    Vae,
    Text,
}

/// <summary>Whose names the tensors of a model bear.</summary>
internal enum NameStyle
{
    /// <summary>CompVis latent-diffusion and what followed it.</summary>
    Original,

    /// <summary>diffusers, and transformers for text encoders.</summary>
    Diffusers,

    /// <summary>OpenCLIP's text encoder.</summary>
    OpenClip,
}

/// <summary>A model found in a set of tensors.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Style">Whose names it bears.</param>
/// <param name="Prefix">What its names begin with in the file, last dot included.</param>
internal sealed record DetectedModel(ModelKind Kind, NameStyle Style, string Prefix);

/// <summary>Recognises models by the names of their tensors, never by the name of a file.</summary>
internal static class ModelDetection
{
    private const string Supported = "this library computes Stable Diffusion 1.x and 2.x";
    private const string ALora = "a LoRA, not a model; open the model it changes and apply it to that (--lora)";

    // A tensor every model of the kind has in that layout, behind the prefix.
    private static readonly (string Prefix, string Mark, ModelKind Kind, NameStyle Style)[] s_marks =
    [
        ("model.diffusion_model.", "input_blocks.0.0.weight", ModelKind.Unet, NameStyle.Original),
        ("control_model.", "input_hint_block.0.weight", ModelKind.ControlNet, NameStyle.Original),
        ("first_stage_model.", "decoder.conv_in.weight", ModelKind.Vae, NameStyle.Original),
        ("cond_stage_model.transformer.", "text_model.embeddings.token_embedding.weight",
            ModelKind.Text, NameStyle.Diffusers),
        ("cond_stage_model.transformer.", "embeddings.token_embedding.weight", ModelKind.Text, NameStyle.Diffusers),
        ("cond_stage_model.model.", "token_embedding.weight", ModelKind.Text, NameStyle.OpenClip),
        ("", "input_hint_block.0.weight", ModelKind.ControlNet, NameStyle.Original),
        ("", "controlnet_cond_embedding.conv_in.weight", ModelKind.ControlNet, NameStyle.Diffusers),
        ("", "text_model.embeddings.token_embedding.weight", ModelKind.Text, NameStyle.Diffusers),
        ("", "encoder.down.0.block.0.conv1.weight", ModelKind.Vae, NameStyle.Original),
        ("", "encoder.down_blocks.0.resnets.0.conv1.weight", ModelKind.Vae, NameStyle.Diffusers),
        ("", "up_blocks.0.resnets.0.conv1.weight", ModelKind.Unet, NameStyle.Diffusers),
        ("", "output_blocks.0.0.in_layers.0.weight", ModelKind.Unet, NameStyle.Original),
    ];

    // Fragments of names that give other kinds of files away, and what those are.
    private static readonly (string Fragment, string What)[] s_others =
    [
        ("lora_controlnet", $"a ControlLoRA; {Supported}, give it a full ControlNet"),
        (".lora_down.", ALora),
        (".lora_up.", ALora),
        (".lora_A.", ALora),
        (".lora_B.", ALora),
        ("_lora.down.", ALora),
        ("_lora.up.", ALora),
        (".lora.down.", ALora),
        (".lora_linear_layer.", ALora),
        ("conditioner.embedders.", $"a Stable Diffusion XL model; {Supported}"),
        ("label_emb.", $"a UNet with class or size embeddings (Stable Diffusion XL, unCLIP); {Supported}"),
        ("add_embedding.", $"a UNet with size embeddings (Stable Diffusion XL); {Supported}"),
        ("joint_blocks.", $"a diffusion transformer (Stable Diffusion 3); {Supported}"),
        ("double_blocks.", $"a diffusion transformer (FLUX); {Supported}"),
        ("single_transformer_blocks.", $"a diffusion transformer (FLUX); {Supported}"),
        ("adapter.body.", $"a T2I-Adapter; {Supported} with ControlNet"),
        ("ip_adapter.", $"an IP-Adapter; {Supported} with ControlNet"),
        (".scale_weight", $"a checkpoint of 8-bit floats with scales beside them; {Supported}, take one without"),
        ("emb_params", "a textual-inversion embedding, not a model"),
        ("string_to_param", "a textual-inversion embedding, not a model"),
    ];

    /// <summary>Finds the models in a set of tensors.</summary>
    /// <param name="source">Names the file in messages.</param>
    /// <param name="names">Every tensor name of it.</param>
    /// <exception cref="CheckpointException">
    /// There is none this library computes; the message says what the file is.
    /// </exception>
    public static IReadOnlyList<DetectedModel> Detect(string source, IReadOnlyCollection<string> names)
    {
        foreach ((string fragment, string what) in s_others)
        {
            if (names.Any(name => name.Contains(fragment, StringComparison.Ordinal)))
            {
                throw new CheckpointException($"{MessageText.Name(source)}: this is {what}");
            }
        }

        HashSet<string> all = new(names, StringComparer.Ordinal);
        List<DetectedModel> found = [];
        foreach ((string prefix, string mark, ModelKind kind, NameStyle style) in s_marks)
        {
            if (all.Contains(prefix + mark) && found.TrueForAll(model => model.Kind != kind))
            {
                found.Add(new DetectedModel(kind, style, prefix));
            }
        }

        return found.Count > 0 ? found : throw new CheckpointException(
            $"{MessageText.Name(source)}: holds no model this library knows among its {names.Count} tensors" +
            (names.Count > 0 ? $", first '{MessageText.Name(names.First())}'; {Supported}" : string.Empty));
    }

    /// <summary>How users call a kind of model.</summary>
    public static string Noun(ModelKind kind) => kind switch
    {
        ModelKind.Unet => "UNet",
        ModelKind.ControlNet => "ControlNet",
        ModelKind.Vae => "VAE",
        ModelKind.Text => "text encoder",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown kind of model"),
    };
}
