using System.CommandLine;
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
        Command command = new("devices", "List the devices that can compute, and why others cannot.");
        command.SetAction(_ =>
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
            return ExitCode.Success;
        });
        return command;
    }

    private static string Note(DeviceInfo device) =>
        device.Missing is { } reason ? $"not usable: {reason}"
        : device.IsGpu || device.Driver.Length == 0 ? ""
        : "a processor behind an OpenCL driver; 'cpu' is faster";
}
