using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Datasets;
using ControlNet.Evaluation;
using ControlNet.Native;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>
/// <c>controlnet evaluate</c>: asks a model that was trained on drawn scenes for scenes it has not seen, and prints how
/// well it obeys prompt and hints.
/// </summary>
internal static class EvaluateCommand
{
    private const int MostScenes = 100_000, LeastSize = 16, LargestSize = 1024;

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Option<string?> model = new("--model", "-m")
        {
            Description = "The base model. [default: the bundled one, where there is one]", HelpName = "FOLDER",
        };
        Option<string[]> controls = new("--control")
        {
            Description = "A ControlNet and the hint it reads: edges, depth, normals, segmentation or scribble.",
            HelpName = "HINT=FOLDER",
        };
        Option<string[]> comparisons = new("--compare")
        {
            Description = "A ControlNet trained in another way, with the name of its row.",
            HelpName = "NAME:HINT=FOLDER",
        };
        Option<string?> untrained = new("--untrained")
        {
            Description = "A ControlNet at step 0, to check that it changes nothing. [default: cut from the model]",
            HelpName = "HINT=FOLDER",
        };
        Option<int> scenes = new("--scenes", "-n")
        {
            Description = $"Scenes of each row, 1 to {MostScenes}.", HelpName = "COUNT", DefaultValueFactory = _ => 200,
        };
        Option<int> size = new("--size")
        {
            Description = $"Pixels of a picture's edge, a multiple of 8 from {LeastSize} to {LargestSize}.",
            HelpName = "PIXELS", DefaultValueFactory = _ => 128,
        };
        Option<int> steps = new("--steps")
        {
            Description = "Sampler steps, 1 to 1000.", HelpName = "COUNT", DefaultValueFactory = _ => 20,
        };
        Option<float> guidance = new("--cfg-scale")
        {
            Description = "Guidance scale with a prompt.", HelpName = "SCALE",
            DefaultValueFactory = _ => new EvaluationOptions().GuidanceScale,
        };
        Option<float> guessGuidance = new("--guess-cfg-scale")
        {
            Description = "Guidance scale with an empty prompt, in guess mode.", HelpName = "SCALE",
            DefaultValueFactory = _ => new EvaluationOptions().GuessGuidanceScale,
        };
        Option<string?> output = new("--out", "-o")
        {
            Description = "Folder for the table and the contact sheet.", HelpName = "FOLDER",
        };
        DeviceOptions device = new();
        Command command = new("evaluate", "Measure how well a model of drawn scenes obeys prompt and hints.")
        {
            model, controls, comparisons, untrained, scenes, size, steps, guidance, guessGuidance, output,
        };
        device.AddTo(command);
        command.SetAction((parse, cancellation) => Task.FromResult(Run(
            parse.GetValue(model), parse.GetValue(controls) ?? [], parse.GetValue(comparisons) ?? [],
            parse.GetValue(untrained),
            Checked(new EvaluationOptions
            {
                Scenes = parse.GetValue(scenes),
                Size = parse.GetValue(size),
                Steps = parse.GetValue(steps),
                GuidanceScale = parse.GetValue(guidance),
                GuessGuidanceScale = parse.GetValue(guessGuidance),
            }),
            parse.GetValue(output), device.Open(parse), cancellation)));
        return command;
    }

    private static int Run(
        string? named, string[] controls, string[] comparisons, string? untrained, EvaluationOptions options,
        string? output, Device device, CancellationToken cancellation)
    {
        using Device own = device;
        string model = BundledModel.ModelOr(named, Console.Error.WriteLine);
        if (named is null && controls.Length + comparisons.Length == 0)
        {
            controls = [.. BundledModel.Controls.Select(net => $"{net.Key}={net.Value}")];
        }

        EvaluationControl[] nets = [.. controls.Select(text => Control("--control", text))];
        EvaluationRow[] rows = Rows(nets, comparisons);
        using Evaluator evaluator = new(model, own, options);
        (bool, bool)? identity = nets.Length == 0
            ? null
            : evaluator.IsIdentity(nets[0], untrained is null ? null : Control("--untrained", untrained));
        List<EvaluationResult> results = [];
        foreach (EvaluationRow row in rows)
        {
            EvaluationResult result = ProgressDisplay.Run(progress => evaluator.Run(row, progress, cancellation));
            results.Add(result);
            Console.Error.WriteLine(FormattableString.Invariant(
                $"{row.Name}: mask IoU {result.MaskIoU:0.00}, edge F1 {result.EdgeF1:0.00}, ") +
                FormattableString.Invariant($"colours {result.ColourAccuracy:0.00}"));
        }

        string table = EvaluationReport.Markdown(results, options, identity);
        Console.Write(table);
        if (output is not null)
        {
            Directory.CreateDirectory(output);
            File.WriteAllText(Path.Combine(output, "evaluation.md"), table);
            EvaluationReport.Sheet(evaluator.Originals(), results).Save(Path.Combine(output, "evaluation.png"));
        }

        return ExitCode.Success;
    }

    private static EvaluationOptions Checked(EvaluationOptions options)
    {
        if (options.Scenes is < 1 or > MostScenes)
        {
            throw new UsageException($"--scenes is {options.Scenes}, but must be from 1 to {MostScenes}");
        }

        if (options.Size is < LeastSize or > LargestSize || options.Size % 8 != 0)
        {
            throw new UsageException(
                $"--size is {options.Size}, but must be a multiple of 8 from {LeastSize} to {LargestSize}");
        }

        if (options.Steps is < 1 or > 1000)
        {
            throw new UsageException($"--steps is {options.Steps}, but must be from 1 to 1000");
        }

        Guidance("--cfg-scale", options.GuidanceScale);
        Guidance("--guess-cfg-scale", options.GuessGuidanceScale);
        return options;
    }

    private static void Guidance(string option, float scale)
    {
        if (scale is not (>= 0 and <= 100))
        {
            throw new UsageException(FormattableString.Invariant(
                $"{option} is {scale}, but must be from 0 to 100"));
        }
    }

    private static EvaluationRow[] Rows(EvaluationControl[] nets, string[] comparisons)
    {
        List<EvaluationRow> rows = [new("prompt only", [])];
        rows.AddRange(nets.Select(net => new EvaluationRow($"prompt + {Name(net)}", [net])));
        rows.AddRange(nets.Select(net =>
            new EvaluationRow($"{Name(net)}, empty prompt (guess mode)", [net], UsesPrompt: false, ControlMode.Guess)));
        if (nets.Length > 1)
        {
            rows.Add(new EvaluationRow($"prompt + {Name(nets[0])} + {Name(nets[1])}", [nets[0], nets[1]]));
        }

        foreach (string text in comparisons)
        {
            string[] parts = text.Split(':', 2);
            if (parts.Length != 2)
            {
                throw new UsageException($"--compare is '{text}', but must be NAME:HINT=FOLDER");
            }

            EvaluationControl net = Control("--compare", parts[1]);
            rows.Add(new EvaluationRow($"prompt + {Name(net)}, {parts[0]}", [net]));
            rows.Add(new EvaluationRow(
                $"{Name(net)}, {parts[0]}, empty prompt", [net], UsesPrompt: false, ControlMode.Guess));
        }

        return [.. rows];
    }

    private static string Name(EvaluationControl control) => Shapes.FolderOf(control.Hint);

    private static EvaluationControl Control(string option, string text)
    {
        string[] parts = text.Split('=', 2);
        if (parts.Length != 2 || !Enum.TryParse(parts[0], ignoreCase: true, out HintKind hint)
            || !Enum.IsDefined(hint))
        {
            throw new UsageException(
                $"{option} is '{text}', but must be HINT=FOLDER with a hint of " +
                $"{string.Join(", ", Enum.GetNames<HintKind>()).ToLowerInvariant()}");
        }

        return Directory.Exists(parts[1])
            ? new EvaluationControl(parts[1], hint)
            : throw new UsageException($"{option}: there is no folder {parts[1]}");
    }
}
