using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using ControlNet.Native;

namespace ControlNet.Cli;

/// <summary>The options about a second pass at a larger size; any of them asks for one.</summary>
internal sealed class HiresOptions
{
    private static readonly HiresPass s_defaults = new();

    private readonly Option<double?> _scale = new("--hires-scale")
    {
        Description = "A second pass this many times as large, 1 to 8. "
            + "[default: no second pass; 2 where another --hires option is given]",
        HelpName = "NUMBER",
    };

    private readonly Option<int?> _width = new("--hires-width")
    {
        Description = "Pixels of the second pass, a multiple of 8. [default: --hires-scale times the first]",
        HelpName = "PIXELS",
    };

    private readonly Option<int?> _height = new("--hires-height")
    {
        Description = "Pixels of the second pass, a multiple of 8. [default: as --hires-width]",
        HelpName = "PIXELS",
    };

    private readonly Option<int?> _steps = new("--hires-steps")
    {
        Description = "Steps of the second pass, of which --hires-strength takes a part. [default: --steps]",
        HelpName = "COUNT",
    };

    private readonly Option<double?> _strength = new("--hires-strength")
    {
        Description = "How much the second pass redoes, 0 to 1. [default: 0.6]",
        HelpName = "NUMBER",
    };

    private readonly Option<string?> _upscaler = new("--hires-upscaler")
    {
        Description = "What is enlarged: image; latent (linearly); latent-nearest. [default: image]",
        HelpName = "NAME",
    };

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_scale, _width, _height, _steps, _strength, _upscaler];

    /// <summary>Adds what was given to a request.</summary>
    /// <exception cref="UsageException">A value is out of its range.</exception>
    public ImageRequest AddTo(ImageRequest request, ParseResult arguments)
    {
        if (All.All(option => arguments.GetResult(option) is null))
        {
            return request;
        }

        HiresPass pass = new()
        {
            Scale = arguments.GetValue(_scale) ?? s_defaults.Scale,
            Width = arguments.GetValue(_width),
            Height = arguments.GetValue(_height),
            Steps = arguments.GetValue(_steps),
            Strength = arguments.GetValue(_strength) ?? s_defaults.Strength,
            Upscaler = ReadUpscaler(arguments.GetValue(_upscaler)),
        };
        return request with { HiresPass = pass };
    }

    /// <summary>The options for the properties a refusal of the library names.</summary>
    public static string Translate(string message) => message
        .Replace("HiresPass.Scale", "--hires-scale", System.StringComparison.Ordinal)
        .Replace("HiresPass.Width", "--hires-width", System.StringComparison.Ordinal)
        .Replace("HiresPass.Height", "--hires-height", System.StringComparison.Ordinal)
        .Replace("HiresPass.Steps", "--hires-steps", System.StringComparison.Ordinal)
        .Replace("HiresPass.Strength", "--hires-strength", System.StringComparison.Ordinal);

    private static HiresUpscaler ReadUpscaler(string? name) => name?.ToUpperInvariant() switch
    {
        null or "IMAGE" => HiresUpscaler.Image,
        "LATENT" => HiresUpscaler.Latent,
        "LATENT-NEAREST" => HiresUpscaler.LatentNearest,
        _ => throw new UsageException(string.Create(
            CultureInfo.InvariantCulture,
            $"--hires-upscaler is '{name}', but must be 'image', 'latent' or 'latent-nearest'")),
    };
}
