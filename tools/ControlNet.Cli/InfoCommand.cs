using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Weights;

namespace ControlNet.Cli;

/// <summary><c>controlnet info PATH</c>: what a file or folder is, without loading its weights.</summary>
internal static class InfoCommand
{
    /// <summary>Of leftover names; the count says how many more there are.</summary>
    private const int NamesShown = 10;

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Argument<string> path = new("PATH")
        {
            Description = "A diffusers folder, a .safetensors file, a LoRA among them, or a PNG that this tool wrote.",
        };
        Command command = new("info", "Say what a model file or folder holds, or how a PNG was made.");
        command.Arguments.Add(path);
        command.SetAction(arguments =>
        {
            string place = arguments.GetValue(path)!;
            if (!File.Exists(place) && !Directory.Exists(place))
            {
                throw new UsageException($"there is no file or folder '{place}'");
            }

            // Complete before the first line is printed: a refusal prints nothing else.
            List<string> lines =
            [
                .. IsPng(place) ? DescribeImage(place)
                    : Lora.IsLora(place) ? LoraInfo.Of(place)
                    : DescribeCheckpoint(place),
            ];
            foreach (string line in lines)
            {
                Console.Out.WriteLine(line);
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static bool IsPng(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        ReadOnlySpan<byte> signature = [0x89, (byte)'P', (byte)'N', (byte)'G'];
        Span<byte> head = stackalloc byte[signature.Length];
        using FileStream file = File.OpenRead(path);
        int read = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        return read == head.Length && head.SequenceEqual(signature);
    }

    private static IEnumerable<string> DescribeImage(string path)
    {
        PngImage image = PngImage.Load(path);
        yield return $"{path}: PNG, {image.Width}x{image.Height}, {image.BitDepth} bits per channel";
        foreach (PngText text in image.Text)
        {
            // The parameters are several lines on purpose; anything else of a stranger's file stays inside its line.
            yield return $"{ErrorReport.OneLine(text.Keyword)}:";
            foreach (string line in text.Text.Split('\n'))
            {
                yield return $"  {ErrorReport.OneLine(line.TrimEnd('\r'))}";
            }
        }
    }

    private static IEnumerable<string> DescribeCheckpoint(string path)
    {
        using Checkpoint checkpoint = Checkpoint.Open(path);
        LoadReport report = checkpoint.Report();
        yield return $"{path}: {Layout(report.Layout)}, {LoadSummary.Version(report.Version)}";
        if (checkpoint.Unet is not null)
        {
            string origin = report.PredictionIsAssumed ? "assumed" : "stated";
            yield return $"  prediction: {report.PredictionType} ({origin})";
            yield return $"  scheduler: {checkpoint.SchedulerConfigPath ?? "none inside; the usual one of its family"}";
        }

        if (checkpoint.Text is not null)
        {
            yield return Text($"  tokenizer: {checkpoint.TokenizerFolder ?? "none inside"}");
        }

        if (Part("UNet", checkpoint.Unet) is string unet)
        {
            yield return unet;
        }

        if (Part("VAE", checkpoint.Vae) is string vae)
        {
            yield return vae;
        }

        if (Part("text encoder", checkpoint.Text) is string text)
        {
            yield return text;
        }

        if (Part("ControlNet", checkpoint.ControlNet) is string control)
        {
            yield return control;
        }

        foreach (string line in Names("not needed", report.ExpectedLeftovers))
        {
            yield return line;
        }

        foreach (string line in Names("unknown", report.Leftovers))
        {
            yield return line;
        }
    }

    private static string? Part<TConfig>(string noun, CheckpointPart<TConfig>? part)
        where TConfig : class =>
        part is null ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"  {noun}: {part.ParameterCount:N0} parameters in {part.Names.Count()} tensors, "
            + $"{part.ByteCount / 1e6:N1} MB ({string.Join(", ", part.ElementTypes)})");

    private static IEnumerable<string> Names(string kind, IReadOnlyList<string> names)
    {
        if (names.Count > 0)
        {
            yield return Text($"  {kind}: {names.Count} tensor{(names.Count == 1 ? "" : "s")}");
            foreach (string name in names.Take(NamesShown))
            {
                yield return $"    {ErrorReport.OneLine(name)}";
            }

            if (names.Count > NamesShown)
            {
                yield return Text($"    and {names.Count - NamesShown} more");
            }
        }
    }

    private static string Layout(CheckpointLayout layout) => layout switch
    {
        CheckpointLayout.SingleFile => "single file",
        CheckpointLayout.DiffusersPipeline => "diffusers folder",
        CheckpointLayout.DiffusersComponent => "diffusers component folder",
        _ => layout.ToString(),
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
