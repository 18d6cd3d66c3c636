using System;

namespace ControlNet.Native.Weights;

/// <summary>Where a module of a LoRA belongs: a network, and a layer of it.</summary>
/// <param name="Network">The network its name says.</param>
/// <param name="Key">
/// The layer, dots written as underscores as kohya does, so that all layouts agree; blocks may still be named as in the
/// original layout.
/// </param>
internal readonly record struct LoraAddress(LoraNetwork Network, string Key)
{
    private const string PeftPrefix = "base_model.model.";

    private static readonly (string Prefix, LoraNetwork Network)[] s_prefixes =
    [
        ("lora_unet_", LoraNetwork.Unet), ("lora_te_", LoraNetwork.Text), ("lora_controlnet_", LoraNetwork.ControlNet),
        ("unet.", LoraNetwork.Unet), ("text_encoder.", LoraNetwork.Text), ("controlnet.", LoraNetwork.ControlNet),
        ("diffusion_model.", LoraNetwork.Unet),
    ];

    // The attention processors of old diffusers name the text encoder's projections as the UNet's.
    private static readonly (string Old, string New)[] s_textProjections =
    [
        (".self_attn.to_q", ".self_attn.q_proj"), (".self_attn.to_k", ".self_attn.k_proj"),
        (".self_attn.to_v", ".self_attn.v_proj"), (".self_attn.to_out", ".self_attn.out_proj"),
    ];

    /// <summary>Reads the name of a module, for example <c>unet.mid_block.attentions.0.proj_in</c>.</summary>
    public static LoraAddress Of(string owner)
    {
        string name = owner.StartsWith(PeftPrefix, StringComparison.Ordinal) ? owner[PeftPrefix.Length..] : owner;
        foreach ((string prefix, LoraNetwork network) in s_prefixes)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
            {
                return new(network, KeyOf(name[prefix.Length..]));
            }
        }

        bool isText = name.StartsWith("text_model.", StringComparison.Ordinal);
        return new(isText ? LoraNetwork.Text : LoraNetwork.Unet, KeyOf(name));
    }

    /// <summary>Writes a layer's name as <see cref="Key"/> does.</summary>
    public static string Underscored(string path) => path.Replace('.', '_');

    private static string KeyOf(string path)
    {
        path = path.Replace(".processor.", ".", StringComparison.Ordinal);
        foreach ((string old, string @new) in s_textProjections)
        {
            if (path.EndsWith(old, StringComparison.Ordinal))
            {
                path = string.Concat(path.AsSpan(0, path.Length - old.Length), @new);
            }
        }

        return Underscored(path.EndsWith(".to_out", StringComparison.Ordinal) ? path + ".0" : path);
    }
}
