using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native.Tensors;
using ControlNet.Verification;

namespace ControlNet.Cli;

/// <summary><c>controlnet verify DIR</c>: holds this build against a folder of golden data.</summary>
internal static class VerifyCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Argument<string> folder = new("DIR")
        {
            Description = "Folder laid out like tests/Golden: models/, ops/, outputs/, png/, …",
        };
        Option<string?> filter = new("--filter")
        {
            Description = "Only files whose relative path contains this text. [default: all files]",
            HelpName = "TEXT",
        };
        Option<string> precision = new("--precision")
        {
            Description = "How networks store what they compute: f32, or f16 on a GPU, within limits of its own.",
            HelpName = "TYPE",
            DefaultValueFactory = _ => "f32",
        };
        DeviceOptions device = new();
        Command command = new(
            "verify",
            "Compare this build with golden data. Exit code 0: everything compared is within its limit; 1: something "
            + "is not; 2: the arguments cannot be used or nothing was compared.");
        command.Arguments.Add(folder);
        command.Options.Add(filter);
        command.Options.Add(precision);
        device.AddTo(command);
        command.SetAction((arguments, cancellation) => Task.FromResult(
            Run(
                arguments.GetValue(folder)!, arguments.GetValue(filter),
                LoadWords.Precision(arguments.GetValue(precision)!), device, arguments, cancellation)));
        return command;
    }

    private static int Run(
        string folder, string? filter, DType activations, DeviceOptions deviceOptions, ParseResult arguments,
        CancellationToken cancellation)
    {
        if (!Directory.Exists(folder))
        {
            throw new UsageException($"there is no folder '{folder}' to verify against");
        }

        using Device device = deviceOptions.Open(arguments);
        device.RequireActivations(activations);
        GoldenContext context = new(Path.GetFullPath(folder), device, activations);
        GoldenSuite suite = new(context, GoldenChecks.All, filter);
        List<GoldenFileReport> reports = [];
        foreach (string file in suite.Covered)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Terminal.IsAnimated)
            {
                Terminal.Error.Write(new Spectre.Console.Text($"{file} …\n"));
            }

            reports.Add(suite.Run(file, cancellation));
        }

        VerifyReport.Write(Terminal.Out, context, suite, reports);
        return reports.Any(report => !report.Passed) ? ExitCode.Failure
            : reports.Sum(report => report.Compared) > 0 ? ExitCode.Success
            : throw new UsageException(
                filter is null
                    ? $"nothing was compared: no check covers a file of '{folder}'"
                    : $"nothing was compared: no check covers a file of '{folder}' whose path contains '{filter}'");
    }
}
