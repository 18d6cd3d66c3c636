using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;

namespace ControlNet.Cli;

/// <summary>The options about a picture to watch while an image comes about.</summary>
internal sealed class PreviewOptions
{
    private readonly Option<string?> _file = new("--preview")
    {
        Description = "PNG to rewrite while sampling with what the image will be, roughly. [default: none]",
        HelpName = "PNG",
    };

    private readonly Option<int> _every = new("--preview-every")
    {
        Description = "Evaluations of the UNet from one preview to the next, from 1.",
        HelpName = "COUNT",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<string> _method = new("--preview-method")
    {
        Description = "colours (cheap, about right) or decoder (exact, as slow as the decoder).",
        HelpName = "NAME",
        DefaultValueFactory = _ => "colours",
    };

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_file, _every, _method];

    /// <summary>Reads what was asked for; null when no preview was.</summary>
    /// <exception cref="UsageException">The file cannot be written, or a value is out of its range.</exception>
    public PreviewFile? Read(ParseResult arguments)
    {
        int every = arguments.GetValue(_every);
        if (every < 1)
        {
            throw new UsageException(string.Create(
                CultureInfo.InvariantCulture, $"{_every.Name} is {every}, but must be 1 or more"));
        }

        if (arguments.GetValue(_file) is not string path)
        {
            string? lonely = arguments.GetResult(_every) is { Implicit: false } ? _every.Name
                : arguments.GetResult(_method) is { Implicit: false } ? _method.Name
                : null;
            return lonely is null
                ? null
                : throw new UsageException($"{lonely} needs {_file.Name}, the PNG to write");
        }

        OutputPath.Check(_file.Name, path, ".png");
        return new PreviewFile(path, every, Decodes(arguments.GetValue(_method)!));
    }

    private static bool Decodes(string method) => method.ToUpperInvariant() switch
    {
        "COLOURS" or "COLORS" => false,
        "DECODER" => true,
        _ => throw new UsageException($"--preview-method is '{method}', but must be 'colours' or 'decoder'"),
    };
}
