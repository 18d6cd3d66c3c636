using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Verification;
using Spectre.Console;

namespace ControlNet.Cli;

/// <summary>
/// What <c>controlnet verify</c> prints: a table of files, the failures, what is not covered, one last line.
/// </summary>
internal static class VerifyReport
{
    /// <summary>
    /// Of one file, so that a broken kernel does not bury the rest; the count names how many more there are.
    /// </summary>
    private const int FailuresShown = 8;

    /// <summary>Writes the report.</summary>
    public static void Write(
        IAnsiConsole console, GoldenContext context, GoldenSuite suite, IReadOnlyList<GoldenFileReport> reports)
    {
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumn("file");
        table.AddColumn(new TableColumn("cases").RightAligned());
        table.AddColumn(new TableColumn("compared").RightAligned());
        table.AddColumn(new TableColumn("worst error").RightAligned());
        table.AddColumn(new TableColumn("limit").RightAligned());
        table.AddColumn(new TableColumn("error/limit").RightAligned());
        table.AddColumn(new TableColumn("s").RightAligned());
        table.AddColumn("verdict");
        foreach (GoldenFileReport report in reports)
        {
            table.AddRow(
                Markup.Escape(report.File),
                Text($"{report.Cases}"),
                Text($"{report.Compared}"),
                report.Worst is null ? "-" : Number(report.Worst.Error),
                report.Worst is null ? "-" : Number(report.Worst.Limit),
                report.Worst is null ? "-" : Ratio(GoldenFileReport.RatioToLimit(report.Worst)),
                Text($"{report.ElapsedMs / 1000:0.0}"),
                Verdict(report));
        }

        console.Write(table);
        WriteFailures(console, reports);
        WriteNotCovered(console, suite, reports);
        foreach (IGrouping<string, IgnoredFile> group in suite.Ignored.GroupBy(file => Kind(file.Reason)))
        {
            Line(console, group.Count() == 1
                ? $"set aside: {group.First().File} ({group.First().Reason})"
                : $"set aside: {group.Count()} files ({group.Key})");
        }

        int compared = reports.Sum(report => report.Compared), failed = reports.Sum(report => report.Failures.Count);
        Line(console, string.Create(
            CultureInfo.InvariantCulture,
            $"{context.Device.Name} ({context.Device.Description}){With(context.Activations)}: {compared} comparisons "
            + $"in {reports.Count} files, {failed} failed, "
            + $"{reports.Sum(report => report.ElapsedMs) / 1000:0.0} s"));
    }

    private static void WriteFailures(IAnsiConsole console, IReadOnlyList<GoldenFileReport> reports)
    {
        foreach (GoldenFileReport report in reports.Where(report => !report.Passed))
        {
            foreach (GoldenResult failure in report.Failures.Take(FailuresShown))
            {
                Line(console, $"FAILED {report.File}: {failure.Case}: " + (failure.Problem is null
                    ? $"error {Number(failure.Error)} exceeds {Number(failure.Limit)}"
                    : ErrorReport.OneLine(failure.Problem)));
            }

            if (report.Failures.Count > FailuresShown)
            {
                Line(console, $"FAILED {report.File}: and {report.Failures.Count - FailuresShown} more");
            }
        }
    }

    private static void WriteNotCovered(
        IAnsiConsole console, GoldenSuite suite, IReadOnlyList<GoldenFileReport> reports)
    {
        foreach (GoldenFileReport report in reports)
        {
            foreach (string part in report.NotCovered)
            {
                Line(console, $"not covered: {report.File}: {ErrorReport.OneLine(part)}");
            }
        }

        foreach (string file in suite.WithoutCheck)
        {
            Line(console, $"not covered: {file}: no check reads it");
        }

        if (suite.Missing.Count > 0)
        {
            Line(console, $"not in this folder: {string.Join(", ", suite.Missing)}");
        }
    }

    private static string With(DType activations) =>
        activations == DType.F32 ? string.Empty : $", {activations.Name()} activations";

    private static string Verdict(GoldenFileReport report) =>
        !report.Passed ? Text($"[red]{report.Failures.Count} failed[/]")
        : report.Compared == 0 ? "[yellow]not covered[/]"
        : "[green]ok[/]";

    /// <summary>Side cars differ in the name of their file only; they are counted as one kind.</summary>
    private static string Kind(string reason) =>
        reason.StartsWith("parameters of", StringComparison.Ordinal) ? "parameters of the file beside them" : reason;

    private static string Number(double value) => value == 0 ? "0" : Text($"{value:0.0e+0}");

    private static string Ratio(double ratio) =>
        double.IsPositiveInfinity(ratio) ? "beyond" : Text($"{ratio:0.###}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static void Line(IAnsiConsole console, string text) => console.Profile.Out.Writer.WriteLine(text);
}
