using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>
/// Names of an autoencoder, translated to those of current diffusers: from the original layout (CompVis
/// <c>ldm/modules/diffusionmodules/model.py</c>), where the decoder's levels count from full resolution, and from
/// diffusers before 0.15, whose attention layers were called query, key, value and proj_attn.
/// </summary>
internal sealed class VaeNames
{
    private static readonly (string, string)[] s_middle =
    [
        ("mid.block_1", "mid_block.resnets.0"), ("mid.block_2", "mid_block.resnets.1"),
        ("mid.attn_1.norm", "mid_block.attentions.0.group_norm"), ("mid.attn_1.q", "mid_block.attentions.0.to_q"),
        ("mid.attn_1.k", "mid_block.attentions.0.to_k"), ("mid.attn_1.v", "mid_block.attentions.0.to_v"),
        ("mid.attn_1.proj_out", "mid_block.attentions.0.to_out.0"),
        ("norm_out", "conv_norm_out"), ("conv_in", "conv_in"), ("conv_out", "conv_out"),
    ];

    private static readonly (string, string)[] s_oldAttention =
    [
        ("mid_block.attentions.0.query", "mid_block.attentions.0.to_q"),
        ("mid_block.attentions.0.key", "mid_block.attentions.0.to_k"),
        ("mid_block.attentions.0.value", "mid_block.attentions.0.to_v"),
        ("mid_block.attentions.0.proj_attn", "mid_block.attentions.0.to_out.0"),
    ];

    private readonly int _levels;

    /// <param name="names">Every name of the model, its prefix taken off.</param>
    public VaeNames(IReadOnlySet<string> names) =>
        _levels = NameRules.Indices(names, "decoder.up.").Concat(NameRules.Indices(names, "decoder.up_blocks."))
            .DefaultIfEmpty(-1).Max() + 1;

    /// <summary>diffusers' name for an original one; null for a name the layout does not have.</summary>
    public string? Translate(string name) => InHalf(
        name, rest => (NameRules.Rename(rest, s_middle) ?? Level(rest))
            ?.Replace("nin_shortcut", "conv_shortcut", StringComparison.Ordinal));

    /// <summary>The original name for one of diffusers'; null for a name the layout does not have.</summary>
    public string? Back(string name) => InHalf(
        name, rest => (NameRules.RenameBack(rest, s_middle) ?? LevelBack(rest))
            ?.Replace("conv_shortcut", "nin_shortcut", StringComparison.Ordinal));

    /// <summary>Renames what lies within encoder or decoder; what lies outside of both has one name.</summary>
    private static string? InHalf(string name, Func<string, string?> rename)
    {
        if (IsOutside(name))
        {
            return name;
        }

        int dot = name.IndexOf('.', StringComparison.Ordinal);
        string half = dot < 0 ? name : name[..dot];
        return half is "encoder" or "decoder" && rename(name[(dot + 1)..]) is string known ? $"{half}.{known}" : null;
    }

    /// <summary>Brings the attention names of old diffusers up to date; other names are returned as they are.</summary>
    public static string Modernise(string name)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && NameRules.Rename(name[(dot + 1)..], s_oldAttention) is string known
            ? $"{name[..dot]}.{known}"
            : name;
    }

    // The convolutions between the halves have one name in both layouts.
    private static bool IsOutside(string name) =>
        name.StartsWith("quant_conv.", StringComparison.Ordinal)
        || name.StartsWith("post_quant_conv.", StringComparison.Ordinal);

    private string? Level(string name)
    {
        // down.I.block.J.rest, down.I.downsample.conv.rest, up.I.block.J.rest, up.I.upsample.conv.rest
        string[] parts = name.Split('.', 5);
        if (parts.Length < 5 || !int.TryParse(parts[1], out int level))
        {
            return null;
        }

        return (parts[0], parts[2], parts[3]) switch
        {
            ("down", "block", _) => $"down_blocks.{level}.resnets.{parts[3]}.{parts[4]}",
            ("down", "downsample", "conv") => $"down_blocks.{level}.downsamplers.0.conv.{parts[4]}",
            ("up", "block", _) => $"up_blocks.{_levels - 1 - level}.resnets.{parts[3]}.{parts[4]}",
            ("up", "upsample", "conv") => $"up_blocks.{_levels - 1 - level}.upsamplers.0.conv.{parts[4]}",
            _ => null,
        };
    }

    private string? LevelBack(string name)
    {
        // down_blocks.I.resnets.J.rest, down_blocks.I.downsamplers.0.conv.rest, and the same going up
        string[] parts = name.Split('.', 5);
        if (parts.Length < 5 || !int.TryParse(parts[1], out int level))
        {
            return null;
        }

        return (parts[0], parts[2]) switch
        {
            ("down_blocks", "resnets") => $"down.{level}.block.{parts[3]}.{parts[4]}",
            ("down_blocks", "downsamplers") => $"down.{level}.downsample.{parts[4]}",
            ("up_blocks", "resnets") => $"up.{_levels - 1 - level}.block.{parts[3]}.{parts[4]}",
            ("up_blocks", "upsamplers") => $"up.{_levels - 1 - level}.upsample.{parts[4]}",
            _ => null,
        };
    }
}
