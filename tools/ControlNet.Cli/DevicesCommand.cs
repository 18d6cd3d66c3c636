using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using Spectre.Console;

namespace ControlNet.Cli;

/// <summary><c>controlnet devices</c>: what <c>--device</c> accepts, and what is missing for others.</summary>
internal static class DevicesCommand
{
    private const int MostSeconds = 3600;

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Option<bool> selfTest = new("--self-test")
        {
            Description =
                "Compute small operations on each of them and compare with the CPU. Exit code 1: one is wrong. "
                + "[default: once for each driver, when a device is first used]",
        };
        Option<bool> tune = new("--tune")
        {
            Description =
                "Measure what each OpenCL device is fastest with, and use it from now on. Results stay the same to the "
                + "bit.",
        };
        Option<double> seconds = new("--tune-seconds")
        {
            Description = $"Time for each device that is tuned, above 0 and up to {MostSeconds}.",
            HelpName = "SECONDS",
            DefaultValueFactory = _ => 60,
        };
        Command command = new("devices", "List the devices that can compute, and why others cannot.")
        {
            selfTest, tune, seconds,
        };
        command.SetAction((arguments, cancellation) => Task.FromResult(Run(
            arguments.GetValue(selfTest), arguments.GetValue(tune), arguments.GetValue(seconds), cancellation)));
        return command;
    }

    private static int Run(bool selfTest, bool tune, double seconds, CancellationToken cancellation)
    {
        if (seconds is not (> 0 and <= MostSeconds))
        {
            throw new UsageException(FormattableString.Invariant(
                $"--tune-seconds is {seconds}, but must be above 0 and up to {MostSeconds}"));
        }

        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("device", "description", "memory", "driver", "note");
        foreach (DeviceInfo device in Devices.Enumerate())
        {
            table.AddRow(
                Markup.Escape(device.Name), Markup.Escape(device.Description),
                device.MemoryBytes > 0 ? ProgressText.Bytes(device.MemoryBytes) : "",
                Markup.Escape(device.Driver), Markup.Escape(Note(device)));
        }

        Terminal.Out.Write(table);
        bool right = !selfTest || SelfTestTable.Write(Terminal.Out, cancellation);
        right &= !tune || TuningTable.Write(Terminal.Out, TimeSpan.FromSeconds(seconds), cancellation);
        return right ? ExitCode.Success : ExitCode.Failure;
    }

    private static string Note(DeviceInfo device) =>
        device.Missing is { } reason ? $"not usable: {reason}"
        : device.IsGpu || device.Driver.Length == 0 ? ""
        : "a processor behind an OpenCL driver; 'cpu' is faster";
}
