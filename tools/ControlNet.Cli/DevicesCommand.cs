using System.CommandLine;
using ControlNet.Native.Tensors;
using Spectre.Console;

namespace ControlNet.Cli;

/// <summary><c>controlnet devices</c>: what <c>--device</c> accepts.</summary>
internal static class DevicesCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("devices", "List the devices that can compute.");
        command.SetAction(_ =>
        {
            Table table = new Table().Border(TableBorder.Simple).AddColumns("device", "description");
            using (Device cpu = Devices.Cpu())
            {
                table.AddRow(Markup.Escape(cpu.Name), Markup.Escape(cpu.Description));
            }

            Terminal.Out.Write(table);
            return ExitCode.Success;
        });
        return command;
    }
}
