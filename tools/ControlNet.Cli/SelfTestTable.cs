using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using ControlNet.Native.Tensors;
using Spectre.Console;

namespace ControlNet.Cli;

/// <summary>The self-test of every usable device, run anew, an operation a row.</summary>
internal static class SelfTestTable
{
    /// <summary>Tests and writes.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="cancellation">Ends the test between two operations.</param>
    /// <returns>Whether everything passed.</returns>
    public static bool Write(IAnsiConsole console, CancellationToken cancellation)
    {
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("device", "operation", "error", "limit", "result");
        List<string> warnings = [];
        foreach (DeviceInfo info in Devices.Enumerate().Where(info => info.Driver.Length > 0 && info.Missing is null))
        {
            try
            {
                using Device device = Devices.Open(info.Name);
                SelfTestReport report = Devices.SelfTest(device, anew: true, cancellation: cancellation);
                foreach (SelfTestResult result in report.Results)
                {
                    table.AddRow(
                        info.Name, result.Operation, result.Failure is null ? Number(result.Error) : "",
                        Number(result.Limit),
                        Markup.Escape(result.Failure ?? (result.Passed ? "ok" : "FAILED")));
                }

                warnings.AddRange(report.Warning is { } warning ? [warning] : []);
            }
            catch (EngineException e)
            {
                warnings.Add(e.Message);
            }
        }

        console.Write(table);
        console.Write(new Text(
            table.Rows.Count == 0 && warnings.Count == 0 ? "there is nothing beside the CPU to test\n"
            : string.Concat(warnings.Select(warning => $"FAILED {ErrorReport.OneLine(warning)}\n"))));
        return warnings.Count == 0;
    }

    private static string Number(double value) => value.ToString("0.0e+0", CultureInfo.InvariantCulture);
}
