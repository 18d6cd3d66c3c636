using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using ControlNet.Native;

namespace ControlNet.Cli;

/// <summary>The options about lists of steps and about the contrast of guidance.</summary>
internal sealed class SamplingOptions
{
    private readonly Option<float> _guidanceRescale = new("--guidance-rescale")
    {
        Description = "How much of the contrast that guidance adds is taken away, 0 to 1.",
        HelpName = "NUMBER",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<string?> _timesteps = new("--timesteps")
    {
        Description = "Timesteps to visit instead of --steps, descending, separated by commas: 999,850,736. Every "
            + "sampler takes them but pndm. [default: spaced by the scheduler]",
        HelpName = "LIST",
    };

    private readonly Option<string?> _sigmas = new("--sigmas")
    {
        Description = "Noise levels to visit instead of --steps, descending, the last usually 0: 14.6,6.3,1.1,0. "
            + "ddim, pndm, ddpm and lcm take none. [default: spaced by the scheduler]",
        HelpName = "LIST",
    };

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_guidanceRescale, _timesteps, _sigmas];

    /// <summary>The request with what was asked for.</summary>
    /// <exception cref="UsageException">A list holds what is no number.</exception>
    public ImageRequest AddTo(ImageRequest request, ParseResult arguments) => request with
    {
        GuidanceRescale = arguments.GetValue(_guidanceRescale),
        Timesteps = Numbers(_timesteps.Name, arguments.GetValue(_timesteps)),
        Sigmas = Numbers(_sigmas.Name, arguments.GetValue(_sigmas)),
    };

    private static double[]? Numbers(string option, string? list) => list is null
        ? null
        : Array.ConvertAll(list.Split(','), part =>
            double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
                ? value
                : throw new UsageException(
                    $"{option} has '{part}' where a number is needed; separate numbers with commas"));
}
