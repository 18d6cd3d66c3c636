using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using ControlNet.Native;

namespace ControlNet.Cli;

/// <summary>
/// The options about control images. Each may be given several times: the first image, scale, start, end and mode are
/// those of the first net, the second ones of the second.
/// </summary>
internal sealed class ControlOptions
{
    private const double MaximalScale = 2;

    private readonly Option<string[]> _net = new("--control-net")
    {
        Description = "ControlNet made for that model: a folder or a .safetensors file; of a bundled model also its "
            + "name. May be given several times, with all options about it, which belong together by their order. "
            + "[default: none]",
        HelpName = "PATH",
    };

    private readonly Option<string[]> _image = new("--control-image")
    {
        Description = "What the ControlNet reads, one for each ControlNet: a PNG of edges, depth, pose, … (16 bits "
            + "are kept), or a .safetensors file with floats, 'hint', F32 [H, W, C] or [1, C, H, W]. [default: none]",
        HelpName = "FILE",
    };

    private readonly Option<float[]> _scale = new("--control-scale")
    {
        Description = "How strongly the ControlNet acts, 0 to 2. [default: 1]",
        HelpName = "NUMBER",
    };

    private readonly Option<double[]> _start = new("--control-start")
    {
        Description = "Share of the steps after which the ControlNet begins to act, 0 to 1. [default: 0]",
        HelpName = "NUMBER",
    };

    private readonly Option<double[]> _end = new("--control-end")
    {
        Description = "Share of the steps after which it ends. [default: 1]",
        HelpName = "NUMBER",
    };

    private readonly Option<string[]> _mode = new("--control-mode")
    {
        Description = "balanced; prompt (the prompt matters more); control (the control matters more); "
            + "guess (diffusers' guess mode, made for an empty prompt). [default: balanced]",
        HelpName = "NAME",
    };

    private readonly ControlDetailOptions _details = new();

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_net, _image, _scale, _start, _end, _mode, .. _details.All];

    /// <summary>Reads the controls asked for, with their images.</summary>
    /// <exception cref="UsageException">Options do not belong together, or a value is out of its range.</exception>
    public IReadOnlyList<ControlJob> Read(ParseResult arguments)
    {
        string[] nets = arguments.GetValue(_net) ?? [], images = arguments.GetValue(_image) ?? [];
        if (nets.Length == 0 && images.Length > 0)
        {
            throw new UsageException("--control-image needs --control-net, the ControlNet that reads it");
        }

        if (images.Length == 0 && nets.Length > 0)
        {
            throw new UsageException("--control-net needs --control-image, the image it reads");
        }

        if (images.Length != nets.Length)
        {
            throw Unequal(_image.Name, images.Length, nets.Length, "give one for each ControlNet");
        }

        float[] scales = Each(arguments, _scale, nets.Length, 1f);
        double[] starts = Each(arguments, _start, nets.Length, 0), ends = Each(arguments, _end, nets.Length, 1);
        ControlMode[] modes = [.. Each(arguments, _mode, nets.Length, "balanced").Select(ReadMode)];
        for (int i = 0; i < nets.Length; i++)
        {
            CheckRange(_scale.Name, scales[i], MaximalScale);
            CheckRange(_start.Name, starts[i], 1);
            CheckRange(_end.Name, ends[i], 1);
            if (starts[i] >= ends[i])
            {
                throw new UsageException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{_start.Name} is {starts[i]}, but must be less than {_end.Name}, {ends[i]}"));
            }
        }

        return _details.Apply(
            arguments,
            [
                .. nets.Select((net, i) =>
                    new ControlJob(net, ControlHint.Load(images[i]), scales[i], starts[i], ends[i], modes[i])),
            ]);
    }

    /// <summary>What was given for each net; the default for all when nothing was.</summary>
    internal static T[] Each<T>(ParseResult arguments, Option<T[]> option, int nets, T otherwise)
    {
        T[] given = arguments.GetValue(option) ?? [];
        return given.Length == nets ? given
            : given.Length == 0 ? [.. Enumerable.Repeat(otherwise, nets)]
            : throw Unequal(option.Name, given.Length, nets, "give one for each ControlNet, or none");
    }

    private static UsageException Unequal(string option, int given, int nets, string cure) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"{option} is given {Times(given)}, but --control-net {(nets == 0 ? "not at all" : Times(nets))}; {cure}"));

    private static string Times(int count) =>
        count == 1 ? "once" : string.Create(CultureInfo.InvariantCulture, $"{count} times");

    private static void CheckRange(string option, double value, double high)
    {
        if (!(value >= 0 && value <= high))
        {
            throw new UsageException(string.Create(
                CultureInfo.InvariantCulture, $"{option} is {value}, but must be from 0 to {high}"));
        }
    }

    private static ControlMode ReadMode(string name) => name.ToUpperInvariant() switch
    {
        "BALANCED" => ControlMode.Balanced,
        "PROMPT" => ControlMode.Prompt,
        "CONTROL" => ControlMode.Control,
        "GUESS" => ControlMode.Guess,
        _ => throw new UsageException(
            $"--control-mode is '{name}', but must be 'balanced', 'prompt', 'control' or 'guess'"),
    };
}
