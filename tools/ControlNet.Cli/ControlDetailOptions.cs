using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using ControlNet.Native;
using ControlNet.Native.Imaging;

namespace ControlNet.Cli;

/// <summary>The finer options about control images; each given once for each net, or not at all.</summary>
internal sealed class ControlDetailOptions
{
    private const double MaximalScale = 2;

    private readonly Option<string[]> _resize = new("--control-resize")
    {
        Description = "How control image and mask come to the size of the result: stretch, each axis on its own; crop, "
            + "in proportion, cut off on both sides; fill, in proportion, the rest in the colour of its edges. "
            + "[default: stretch]",
        HelpName = "NAME",
    };

    private readonly Option<string[]> _channels = new("--control-channels")
    {
        Description = "Which channels of the control image the ControlNet sees, by r, g, b or their numbers 0 to 9; "
            + "'-' before one turns it over (1 - value). bgr is the other order, -r-g-b an inverted depth, -rgb a "
            + "normal map whose red points the other way. [default: as they are]",
        HelpName = "NAMES",
    };

    private readonly Option<string[]> _mask = new("--control-mask")
    {
        Description = "Grey PNG of where in the result the ControlNet acts: white in full, black not at all; 'none' "
            + "for everywhere. [default: none]",
        HelpName = "PNG",
    };

    private readonly Option<string[]> _layers = new("--control-layers")
    {
        Description = "Factor of each residual, 0 to 2, from full resolution to the middle: 13 numbers with commas "
            + "between; 'all' leaves all of them at 1. [default: all]",
        HelpName = "NUMBERS",
    };

    private readonly Option<string[]> _ramp = new("--control-guess-ramp")
    {
        Description = "Scales of mode guess from full resolution to the middle: diffusers, even in the exponent from "
            + "0.1 to 1; original, 0.825 to the power of 12 - i. [default: diffusers]",
        HelpName = "NAME",
    };

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_resize, _channels, _mask, _layers, _ramp];

    /// <summary>The controls with what these options say of them.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="controls">One for each net that is named.</param>
    /// <exception cref="UsageException">Options do not belong together, or a value is out of its range.</exception>
    public IReadOnlyList<ControlJob> Apply(ParseResult arguments, IReadOnlyList<ControlJob> controls)
    {
        int nets = controls.Count;
        HintResize[] resizes = [.. ControlOptions.Each(arguments, _resize, nets, "stretch").Select(ReadResize)];
        string[] channels = ControlOptions.Each(arguments, _channels, nets, "");
        float[]?[] layers = [.. ControlOptions.Each(arguments, _layers, nets, "all").Select(ReadLayers)];
        GuessRamp[] ramps = [.. ControlOptions.Each(arguments, _ramp, nets, "diffusers").Select(ReadRamp)];
        string[] masks = ControlOptions.Each(arguments, _mask, nets, "none");
        return
        [
            .. controls.Select((control, i) => control with
            {
                Hint = channels[i].Length == 0 ? control.Hint : Rearranged(control.Hint, channels[i]),
                Resize = resizes[i],
                Layers = layers[i],
                Ramp = ramps[i],
                Mask = masks[i] == "none" ? null : ControlMask.FromRgbImage(RgbImage.Load(masks[i])),
            }),
        ];
    }

    private static HintResize ReadResize(string name) => name.ToUpperInvariant() switch
    {
        "STRETCH" => HintResize.Stretch,
        "CROP" => HintResize.Crop,
        "FILL" => HintResize.Fill,
        _ => throw new UsageException($"--control-resize is '{name}', but must be 'stretch', 'crop' or 'fill'"),
    };

    private static GuessRamp ReadRamp(string name) => name.ToUpperInvariant() switch
    {
        "DIFFUSERS" => GuessRamp.Diffusers,
        "ORIGINAL" => GuessRamp.Original,
        _ => throw new UsageException($"--control-guess-ramp is '{name}', but must be 'diffusers' or 'original'"),
    };

    private static float[]? ReadLayers(string text)
    {
        if (text.Equals("all", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        string[] parts = text.Split(',');
        float[] scales = new float[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            bool isNumber = float.TryParse(parts[i], NumberStyles.Float, CultureInfo.InvariantCulture, out scales[i]);
            if (!isNumber || !(scales[i] >= 0 && scales[i] <= MaximalScale))
            {
                throw new UsageException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"--control-layers has '{parts[i]}' in place {i + 1}, but must be 'all' or numbers from 0 to ")
                    + $"{MaximalScale} with commas between");
            }
        }

        return scales;
    }

    private static ControlHint Rearranged(ControlHint hint, string names)
    {
        List<HintChannel> channels = [];
        bool inverted = false;
        foreach (char name in names)
        {
            if (name == '-' && !inverted)
            {
                inverted = true;
                continue;
            }

            int index = "rgb".IndexOf(char.ToLowerInvariant(name), StringComparison.Ordinal) is int colour and >= 0
                ? colour
                : char.IsAsciiDigit(name) ? name - '0'
                : throw NoChannels(names);
            if (index >= hint.Channels)
            {
                throw new UsageException(
                    $"--control-channels is '{names}', but '{name}' is no channel of a control image of {hint}");
            }

            channels.Add(new HintChannel(index, inverted));
            inverted = false;
        }

        return channels.Count == 0 || inverted ? throw NoChannels(names) : hint.WithChannels([.. channels]);
    }

    private static UsageException NoChannels(string names) => new(
        $"--control-channels is '{names}', but must be channels by r, g, b or their numbers, '-' before those that are "
        + "turned over, for example bgr or -r-g-b");
}
