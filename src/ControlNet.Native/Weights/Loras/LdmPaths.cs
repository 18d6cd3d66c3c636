using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>
/// Names of the layers of a UNet in the original layout for diffusers' names, both without a last component such as
/// <c>weight</c>: the other way round of <see cref="LdmUnetNames"/>. How many blocks a level has is read off the names.
/// </summary>
internal sealed class LdmPaths
{
    private readonly Dictionary<string, string> _blocks = new(StringComparer.Ordinal);

    /// <param name="paths">Every layer of the network, as diffusers names it.</param>
    public LdmPaths(IReadOnlyCollection<string> paths)
    {
        foreach ((string original, string diffusers) in LdmUnetNames.FixedModules)
        {
            _blocks.Add(diffusers, original);
        }

        _blocks.Add("conv_in", "input_blocks.0.0");
        _blocks.Add("mid_block.resnets.0", "middle_block.0");
        _blocks.Add("mid_block.resnets.1", "middle_block.2");

        // A strided convolution is a block of its own.
        MapWay(paths, "down_blocks", "input_blocks", 1, "downsamplers.0.conv", (_, block) =>
            (Invariant($"input_blocks.{block}.0.op"), block + 1));

        // An upsampling convolution is the last part of the block before it.
        MapWay(paths, "up_blocks", "output_blocks", 0, "upsamplers.0.conv", (level, block) =>
        {
            bool attends = paths.Any(path => path.StartsWith(level + ".attentions.", StringComparison.Ordinal));
            return (Invariant($"output_blocks.{block - 1}.{(attends ? 2 : 1)}.conv"), block);
        });
    }

    /// <summary>The original name of a layer; null where the layout has none.</summary>
    public string? Translate(string path)
    {
        for (int end = path.Length; end > 0; end = path.LastIndexOf('.', end - 1))
        {
            if (_blocks.TryGetValue(path[..end], out string? block))
            {
                string rest = path[end..];
                return block + (path.Contains(".resnets.", StringComparison.Ordinal) ? ResnetPart(rest) : rest);
            }
        }

        return null;
    }

    private void MapWay(
        IReadOnlyCollection<string> paths, string source, string target, int first, string sampler,
        Func<string, int, (string Original, int Next)> endLevel)
    {
        int block = first;
        foreach (int index in NameRules.Indices(paths, source + "."))
        {
            string level = Invariant($"{source}.{index}");
            foreach (int layer in NameRules.Indices(paths, level + ".resnets."))
            {
                _blocks.Add(Invariant($"{level}.resnets.{layer}"), Invariant($"{target}.{block}.0"));
                _blocks.Add(Invariant($"{level}.attentions.{layer}"), Invariant($"{target}.{block}.1"));
                block++;
            }

            if (paths.Contains($"{level}.{sampler}"))
            {
                (string original, block) = endLevel(level, block);
                _blocks.Add($"{level}.{sampler}", original);
            }
        }
    }

    private static string ResnetPart(string rest)
    {
        foreach ((string original, string diffusers) in LdmUnetNames.ResnetParts)
        {
            if (rest == "." + diffusers)
            {
                return "." + original;
            }
        }

        return rest;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
