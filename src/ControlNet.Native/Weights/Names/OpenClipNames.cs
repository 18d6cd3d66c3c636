using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>
/// Names of the text encoder of OpenCLIP (SD 2.x single files), translated to those of transformers. Stable Diffusion
/// 2.x reads the states before the last block, so that block is not translated; neither are <c>text_projection</c> and
/// <c>logit_scale</c>, which only compare texts with images.
/// </summary>
internal sealed class OpenClipNames
{
    private static readonly (string, string)[] s_root =
    [
        ("token_embedding", "text_model.embeddings.token_embedding"), ("ln_final", "text_model.final_layer_norm"),
    ];

    private static readonly (string, string)[] s_layer =
    [
        ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"),
        ("attn.out_proj", "self_attn.out_proj"),
    ];

    private static readonly string[] s_fused = ["q_proj", "k_proj", "v_proj"];

    private readonly int _unusedBlock;

    /// <summary>Weights of one tensor that holds query, key and value.</summary>
    public const int FusedParts = 3;

    /// <param name="names">Every name of the model, its prefix taken off.</param>
    public OpenClipNames(IReadOnlySet<string> names) =>
        _unusedBlock = NameRules.Indices(names, "transformer.resblocks.").DefaultIfEmpty(-1).Max();

    /// <summary>
    /// transformers' names for an original one: one, or three for the fused query, key and value (equal parts of the
    /// outermost axis, in this order); none for what is not used.
    /// </summary>
    public string[] Translate(string name)
    {
        if (name == "positional_embedding")
        {
            return ["text_model.embeddings.position_embedding.weight"];
        }

        if (NameRules.Rename(name, s_root) is string known)
        {
            return [known];
        }

        const string blocks = "transformer.resblocks.";
        if (!name.StartsWith(blocks, StringComparison.Ordinal)
            || !NameRules.TrySplitIndex(name[blocks.Length..], out int block, out string rest) || block == _unusedBlock)
        {
            return [];
        }

        string layer = $"text_model.encoder.layers.{block}";
        return rest switch
        {
            "attn.in_proj_weight" => [.. Fused(layer, "weight")],
            "attn.in_proj_bias" => [.. Fused(layer, "bias")],
            _ => NameRules.Rename(rest, s_layer) is string part ? [$"{layer}.{part}"] : [],
        };
    }

    /// <summary>
    /// The original name for one of transformers', and which equal part of the outermost axis the weight is; null for a
    /// name the layout does not have.
    /// </summary>
    public static (string Name, int Part)? Back(string name)
    {
        const string layers = "text_model.encoder.layers.";
        if (name == "text_model.embeddings.position_embedding.weight")
        {
            return ("positional_embedding", 0);
        }

        if (NameRules.RenameBack(name, s_root) is string known)
        {
            return (known, 0);
        }

        if (!name.StartsWith(layers, StringComparison.Ordinal)
            || !NameRules.TrySplitIndex(name[layers.Length..], out int layer, out string rest))
        {
            return null;
        }

        string block = $"transformer.resblocks.{layer}";
        for (int part = 0; part < s_fused.Length; part++)
        {
            string head = $"self_attn.{s_fused[part]}.";
            if (rest.StartsWith(head, StringComparison.Ordinal))
            {
                return ($"{block}.attn.in_proj_{rest[head.Length..]}", part);
            }
        }

        return NameRules.RenameBack(rest, s_layer) is string other ? ($"{block}.{other}", 0) : null;
    }

    private static IEnumerable<string> Fused(string layer, string kind) =>
        s_fused.Select(part => $"{layer}.self_attn.{part}.{kind}");
}
