using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>
/// Names of a UNet or ControlNet in the original layout for diffusers' names: what <see cref="LdmUnetNames"/> reads,
/// written. How many blocks a level has is read off the names.
/// </summary>
internal sealed class OriginalUnetNames
{
    private const string Hint = "controlnet_cond_embedding.", Down = "down_blocks.", Up = "up_blocks.";

    private readonly Dictionary<string, string> _modules = new(StringComparer.Ordinal);

    /// <param name="names">Every name of the model, as diffusers gives it.</param>
    public OriginalUnetNames(IReadOnlyCollection<string> names)
    {
        foreach ((string original, string module) in LdmUnetNames.FixedModules)
        {
            _modules.Add(module, original);
        }

        _modules.Add("conv_in", "input_blocks.0.0");
        _modules.Add("mid_block.resnets.0", "middle_block.0");
        _modules.Add("mid_block.resnets.1", "middle_block.2");
        AddDown(names);
        AddUp(names);
        foreach (int skip in NameRules.Indices(names, "controlnet_down_blocks."))
        {
            _modules.Add(Invariant($"controlnet_down_blocks.{skip}"), Invariant($"zero_convs.{skip}.0"));
        }

        // Convolutions of the hint encoder have an activation after each but the last.
        IReadOnlyList<int> hints = NameRules.Indices(names, Hint + "blocks.");
        _modules.Add(Hint + "conv_in", "input_hint_block.0");
        foreach (int hint in hints)
        {
            _modules.Add(Invariant($"{Hint}blocks.{hint}"), Invariant($"input_hint_block.{2 * (hint + 1)}"));
        }

        _modules.Add(Hint + "conv_out", Invariant($"input_hint_block.{2 * (hints.Count + 1)}"));
    }

    /// <summary>The original name for one of diffusers'.</summary>
    /// <exception cref="ArgumentException">The layout has none for it.</exception>
    public string Translate(string name) =>
        Find(name) ?? throw new ArgumentException($"'{name}' has no name in the original layout", nameof(name));

    /// <summary>The original name for one of diffusers'; null where the layout has none.</summary>
    public string? Find(string name)
    {
        for (int end = name.LastIndexOf('.'); end > 0; end = name.LastIndexOf('.', end - 1))
        {
            if (_modules.TryGetValue(name[..end], out string? module))
            {
                string rest = name[(end + 1)..];
                return $"{module}.{(name.Contains(".resnets.", StringComparison.Ordinal) ? Resnet(rest) : rest)}";
            }
        }

        return null;
    }

    private void AddDown(IReadOnlyCollection<string> names)
    {
        int block = 1;
        foreach (int level in NameRules.Indices(names, Down))
        {
            string at = Invariant($"{Down}{level}.");
            foreach (int layer in NameRules.Indices(names, at + "resnets."))
            {
                _modules.Add(Invariant($"{at}resnets.{layer}"), Invariant($"input_blocks.{block}.0"));
                _modules.Add(Invariant($"{at}attentions.{layer}"), Invariant($"input_blocks.{block++}.1"));
            }

            if (HasAny(names, at + "downsamplers."))
            {
                _modules.Add(at + "downsamplers.0.conv", Invariant($"input_blocks.{block++}.0.op"));
            }
        }
    }

    // Going up, the upsampler is the last part of the block that ends a level.
    private void AddUp(IReadOnlyCollection<string> names)
    {
        int block = 0;
        foreach (int level in NameRules.Indices(names, Up))
        {
            string at = Invariant($"{Up}{level}.");
            foreach (int layer in NameRules.Indices(names, at + "resnets."))
            {
                _modules.Add(Invariant($"{at}resnets.{layer}"), Invariant($"output_blocks.{block}.0"));
                _modules.Add(Invariant($"{at}attentions.{layer}"), Invariant($"output_blocks.{block++}.1"));
            }

            int part = HasAny(names, at + "attentions.") ? 2 : 1;
            _modules.Add(at + "upsamplers.0.conv", Invariant($"output_blocks.{block - 1}.{part}.conv"));
        }
    }

    private static bool HasAny(IReadOnlyCollection<string> names, string prefix) =>
        names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));

    private static string Resnet(string rest) => NameRules.RenameBack(rest, LdmUnetNames.ResnetParts) ?? rest;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
