using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native.Sampling;
using ControlNet.Native.Weights;

namespace ControlNet.Cli;

/// <summary><c>controlnet convert INPUT OUTPUT</c>: another layout, another type, another base.</summary>
internal static class ConvertCommand
{
    /// <summary>Of names left out; the count says how many more there are.</summary>
    private const int NamesShown = 10;

    private static readonly Argument<string> s_input = new("INPUT")
    {
        Description = "A diffusers folder or a .safetensors file.",
    };

    private static readonly Argument<string> s_output = new("OUTPUT")
    {
        Description = "What to write: the original layout in one file where the name ends in .safetensors, else a "
            + "diffusers folder.",
    };

    private static readonly Option<string?> s_type = new("--type")
    {
        Description = "Type of the weights written: f32, f16 or bf16. [default: that of each]",
        HelpName = "TYPE",
    };

    private static readonly Option<string?> s_only = new("--only")
    {
        Description = "The one part written: unet, vae, text_encoder or controlnet. [default: all there are]",
        HelpName = "PART",
    };

    private static readonly Option<string[]> s_transfer = new("--transfer")
    {
        Description = "Give the ControlNet another base: control + new base - old base. [default: as it is]",
        HelpName = "OLD_BASE NEW_BASE",
        Arity = new ArgumentArity(2, 2),
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<string[]> s_lora = new("--lora")
    {
        Description = "LoRA added to the weights, a .safetensors file, and how strongly: FILE or FILE:SCALE. May be "
            + "given several times. [default: none, scale 1]",
        HelpName = "FILE[:SCALE]",
    };

    private static readonly Option<bool> s_loraStrict = new("--lora-strict")
    {
        Description = "Refuse a LoRA of which anything does not apply, instead of listing it. [default: off]",
    };

    private static readonly Option<string?> s_config = new("--config")
    {
        Description = "Diffusers folder whose config.json files describe a single-file model. "
            + "[default: read off the tensors]",
        HelpName = "FOLDER",
    };

    private static readonly Option<string?> s_tokenizer = new("--tokenizer")
    {
        Description = "Folder with vocab.json and merges.txt for the folder written. [default: that of the source]",
        HelpName = "FOLDER",
    };

    private static readonly Option<string?> s_prediction = new("--prediction")
    {
        Description = "What the UNet predicts: epsilon, v or sample. [default: what the model says]",
        HelpName = "NAME",
    };

    private static readonly Option<bool> s_force = new("--force")
    {
        Description = "Replace an output that exists, if it is a model. [default: off]",
    };

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("convert", "Convert a model between layouts and types, or take a part of it.")
        {
            s_input, s_output, s_type, s_only, s_transfer, s_lora, s_loraStrict, s_config, s_tokenizer, s_prediction,
            s_force,
        };
        command.SetAction((arguments, cancellation) => Task.FromResult(Run(arguments, cancellation)));
        return command;
    }

    private static int Run(ParseResult arguments, CancellationToken cancellation)
    {
        string[] bases = arguments.GetValue(s_transfer) ?? [];
        ConvertOptions options = new()
        {
            Type = LoadWords.WeightType("--type", arguments.GetValue(s_type)),
            Only = Part(arguments.GetValue(s_only)),
            TransferFrom = bases.Length > 0 ? bases[0] : null,
            TransferTo = bases.Length > 0 ? bases[1] : null,
            Overwrite = arguments.GetValue(s_force),
            Tokenizer = arguments.GetValue(s_tokenizer),
            Source = new CheckpointOptions
            {
                ConfigsFrom = arguments.GetValue(s_config),
                PredictionType = LoadWords.Prediction(arguments.GetValue(s_prediction)) switch
                {
                    PredictionType.Epsilon => "epsilon",
                    PredictionType.Velocity => "v_prediction",
                    PredictionType.Sample => "sample",
                    _ => null,
                },
            },
        };
        List<LoraUse> loras = [];
        ConvertReport report;
        try
        {
            foreach (string lora in arguments.GetValue(s_lora) ?? [])
            {
                loras.Add(LoraOptions.Open(s_lora.Name, lora));
            }

            options = options with { Loras = loras, LorasMustApply = arguments.GetValue(s_loraStrict) };
            report = ProgressDisplay.Run(progress => CheckpointConverter.Convert(
                arguments.GetValue(s_input)!, arguments.GetValue(s_output)!, options, progress, cancellation));
        }
        finally
        {
            loras.ForEach(use => use.Lora.Dispose());
        }

        foreach (string line in Describe(report))
        {
            Console.Out.WriteLine(line);
        }

        return ExitCode.Success;
    }

    private static IEnumerable<string> Describe(ConvertReport report)
    {
        string types = string.Join(", ", report.ElementTypes.OrderBy(type => type.Key, StringComparer.Ordinal)
            .Select(type => $"{type.Value} {type.Key}"));
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Output}: {report.Tensors} tensors ({types}), {report.Bytes / 1e6:N1} MB");
        foreach (string line in report.Loras.SelectMany(LoraJobs.Describe))
        {
            yield return "  " + line;
        }

        if (report.PredictionIsAssumed)
        {
            yield return "  what the UNet predicts was assumed; say it with --prediction where that is wrong";
        }

        if (report.LacksTokenizer)
        {
            yield return "  no tokenizer was found; name one with --tokenizer";
        }

        if (report.LeftOut.Count > 0)
        {
            yield return $"  left out: {report.LeftOut.Count} tensor{(report.LeftOut.Count == 1 ? "" : "s")}";
            foreach (string name in report.LeftOut.Take(NamesShown))
            {
                yield return $"    {ErrorReport.OneLine(name)}";
            }

            if (report.LeftOut.Count > NamesShown)
            {
                yield return $"    and {report.LeftOut.Count - NamesShown} more";
            }
        }
    }

    private static ModelPart? Part(string? name) => name?.ToUpperInvariant() switch
    {
        null => null,
        "UNET" => ModelPart.Unet,
        "VAE" => ModelPart.Vae,
        "TEXT_ENCODER" => ModelPart.TextEncoder,
        "CONTROLNET" => ModelPart.ControlNet,
        _ => throw new UsageException(
            $"--only is '{name}', but must be 'unet', 'vae', 'text_encoder' or 'controlnet'"),
    };
}
