using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using ControlNet.Native.Tensors;
using Spectre.Console;

namespace ControlNet.Cli;

/// <summary>Tunes every device that can be, a kind of product a row.</summary>
internal static class TuningTable
{
    /// <summary>Tunes and writes.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="budget">Time for each device.</param>
    /// <param name="cancellation">Ends it between two runs.</param>
    /// <returns>Whether every device could be tuned.</returns>
    public static bool Write(IAnsiConsole console, TimeSpan budget, CancellationToken cancellation)
    {
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("device", "operation", "usual ms", "best ms", "ratio", "tile");
        List<string> notes = [];
        bool right = true, any = false;
        foreach (DeviceInfo info in Devices.Enumerate().Where(info => info.Driver.Length > 0 && info.Missing is null))
        {
            try
            {
                using Device device = Devices.Open(info.Name);
                if (!Devices.CanTune(device))
                {
                    continue;
                }

                any = true;
                TuningReport report = ProgressDisplay.Run(progress =>
                    Devices.Tune(device, budget, progress, cancellation));
                foreach (TuningResult result in report.Results)
                {
                    table.AddRow(
                        info.Name, Markup.Escape(result.Operation), Number(result.UsualMs), Number(result.BestMs),
                        Number(result.UsualMs / result.BestMs),
                        Markup.Escape(result.IsUsual ? "the usual one" : result.Tile));
                }

                notes.AddRange(report.Discarded.Select(why => $"{info.Name} discarded {ErrorReport.OneLine(why)}"));
                notes.AddRange(report.IsComplete ? [] : [CutShort(info.Name, budget)]);
            }
            catch (EngineException e)
            {
                right = false;
                notes.Add($"FAILED {ErrorReport.OneLine(e.Message)}");
            }
        }

        console.Write(table);
        console.Write(new Text(
            !any && right ? "there is no OpenCL device to tune\n" : string.Concat(notes.Select(note => $"{note}\n"))));
        return right;
    }

    private static string CutShort(string device, TimeSpan budget) => string.Create(
        CultureInfo.InvariantCulture,
        $"{device} was not tried with everything in {budget.TotalSeconds:0.###} s; --tune-seconds gives it more");

    private static string Number(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
