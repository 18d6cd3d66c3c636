using System;
using System.Collections.Generic;
using System.Globalization;

namespace ControlNet.Native.Weights;

/// <summary>
/// Names of a UNet or ControlNet in the original layout (CompVis <c>openaimodel.py</c>, lllyasviel <c>cldm.py</c>),
/// translated to diffusers'. Blocks are numbered through in the original; where a level ends is read off the file:
/// a block with a strided convolution (<c>op</c>) ends a level going down, one with an upsampling <c>conv</c> ends a
/// level going up. So any number of levels and of residual blocks is understood.
/// </summary>
internal sealed class LdmUnetNames
{
    // In the original an input block has at most a resnet, a transformer and an upsampler.
    private const int MaxParts = 3;

    private static readonly (string, string)[] s_resnet =
    [
        ("in_layers.0", "norm1"), ("in_layers.2", "conv1"), ("emb_layers.1", "time_emb_proj"),
        ("out_layers.0", "norm2"), ("out_layers.3", "conv2"), ("skip_connection", "conv_shortcut"),
    ];

    private static readonly (string, string)[] s_fixed =
    [
        ("time_embed.0", "time_embedding.linear_1"), ("time_embed.2", "time_embedding.linear_2"),
        ("out.0", "conv_norm_out"), ("out.2", "conv_out"), ("middle_block.1", "mid_block.attentions.0"),
        ("middle_block_out.0", "controlnet_mid_block"),
    ];

    private readonly Dictionary<string, string> _modules = new(StringComparer.Ordinal);
    private readonly int _lastHint;

    /// <param name="names">Every name of the model, its prefix taken off.</param>
    public LdmUnetNames(IReadOnlySet<string> names)
    {
        MapBlocks(names, "input_blocks", "down_blocks", "downsamplers.0.conv");
        MapBlocks(names, "output_blocks", "up_blocks", "upsamplers.0.conv");
        IReadOnlyList<int> hints = NameRules.Indices(names, "input_hint_block.");
        _lastHint = hints.Count > 0 ? hints[^1] : 0;
    }

    /// <summary>Pairs of original and diffusers' names of the parts of a residual block.</summary>
    public static ReadOnlySpan<(string Original, string Diffusers)> ResnetParts => s_resnet;

    /// <summary>Pairs of original and diffusers' names of modules that are there once.</summary>
    public static IReadOnlyList<(string Original, string Diffusers)> FixedModules => s_fixed;

    /// <summary>diffusers' name for an original one; null for a name the layout does not have.</summary>
    public string? Translate(string name)
    {
        if (NameRules.Rename(name, s_fixed) is string known)
        {
            return known;
        }

        if (name.StartsWith("middle_block.", StringComparison.Ordinal))
        {
            return NameRules.TrySplitIndex(name["middle_block.".Length..], out int at, out string rest) && at is 0 or 2
                ? Resnet($"mid_block.resnets.{at / 2}", rest)
                : null;
        }

        if (name.StartsWith("zero_convs.", StringComparison.Ordinal))
        {
            return NameRules.TrySplitIndex(name["zero_convs.".Length..], out int at, out string rest)
                && rest.StartsWith("0.", StringComparison.Ordinal)
                ? $"controlnet_down_blocks.{at}.{rest[2..]}"
                : null;
        }

        return name.StartsWith("input_hint_block.", StringComparison.Ordinal) ? Hint(name) : Block(name);
    }

    private void MapBlocks(IReadOnlySet<string> names, string source, string target, string sampler)
    {
        int level = 0, layer = 0;
        foreach (int block in NameRules.Indices(names, source + "."))
        {
            string from = $"{source}.{block}";
            if (names.Contains($"{from}.0.weight"))
            {
                _modules[$"{from}.0"] = "conv_in";
                continue;
            }

            bool endsLevel = names.Contains($"{from}.0.op.weight");
            if (endsLevel)
            {
                _modules[$"{from}.0.op"] = $"{target}.{level}.{sampler}";
            }
            else
            {
                _modules[$"{from}.0"] = $"{target}.{level}.resnets.{layer}";
            }

            for (int part = 1; part < MaxParts; part++)
            {
                if (names.Contains($"{from}.{part}.norm.weight"))
                {
                    _modules[$"{from}.{part}"] = $"{target}.{level}.attentions.{layer}";
                }
                else if (names.Contains($"{from}.{part}.conv.weight"))
                {
                    _modules[$"{from}.{part}.conv"] = $"{target}.{level}.{sampler}";
                    endsLevel = true;
                }
            }

            (level, layer) = endsLevel ? (level + 1, 0) : (level, layer + 1);
        }
    }

    private string? Block(string name)
    {
        // input_blocks.N.P.rest: the module is known by its first three components, or four for a sampler.
        int end = 0;
        for (int components = 0; components < 4; components++)
        {
            end = name.IndexOf('.', end + (components > 0 ? 1 : 0));
            if (end < 0)
            {
                return null;
            }

            if (_modules.TryGetValue(name[..end], out string? module))
            {
                string rest = name[(end + 1)..];
                return module.Contains(".resnets.", StringComparison.Ordinal)
                    ? Resnet(module, rest)
                    : $"{module}.{rest}";
            }
        }

        return null;
    }

    private string? Hint(string name)
    {
        if (!NameRules.TrySplitIndex(name["input_hint_block.".Length..], out int at, out string rest) || at % 2 != 0)
        {
            return null;
        }

        string module = at == 0 ? "conv_in" : at == _lastHint ? "conv_out"
            : string.Create(CultureInfo.InvariantCulture, $"blocks.{(at / 2) - 1}");
        return $"controlnet_cond_embedding.{module}.{rest}";
    }

    private static string? Resnet(string module, string rest) =>
        NameRules.Rename(rest, s_resnet) is string known ? $"{module}.{known}" : null;
}
