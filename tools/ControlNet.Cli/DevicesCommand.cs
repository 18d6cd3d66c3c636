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
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Option<bool> selfTest = new("--self-test")
        {
            Description =
                "Compute small operations on each of them and compare with the CPU. Exit code 1: one is wrong. "
                + "[default: once for each driver, when a device is first used]",
        };
        Command command = new("devices", "List the devices that can compute, and why others cannot.");
        command.Options.Add(selfTest);
        command.SetAction((arguments, cancellation) => Task.FromResult(
            Run(arguments.GetValue(selfTest), cancellation)));
        return command;
    }

    private static int Run(bool selfTest, CancellationToken cancellation)
    {
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
        return !selfTest || SelfTestTable.Write(Terminal.Out, cancellation) ? ExitCode.Success : ExitCode.Failure;
    }

    private static string Note(DeviceInfo device) =>
        device.Missing is { } reason ? $"not usable: {reason}"
        : device.IsGpu || device.Driver.Length == 0 ? ""
        : "a processor behind an OpenCL driver; 'cpu' is faster";
}
