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

    private static IEnumerable<string> Fused(string layer, string kind) =>
        s_fused.Select(part => $"{layer}.self_attn.{part}.{kind}");
}
