using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace ControlNet.Native.Bench.Table;

/// <summary>The table as markdown.</summary>
internal static class TableText
{
    /// <summary>Writes head, rows, whole runs, remarks, and the rows that miss a bar.</summary>
    public static string Write(
        TableOptions options, IReadOnlyList<string> head, IReadOnlyList<RowResult> rows,
        IReadOnlyList<WholeResult> whole, IEnumerable<string> remarks)
    {
        StringBuilder text = new();
        string how = options.Quick ? ", a quick look" : "";
        text.AppendLine(Invariant($"## {DateTime.Now:HH:mm}, {options.Threads} threads{how}")).AppendLine();
        foreach (string line in head)
        {
            text.Append("- ").AppendLine(line);
        }

        if (rows.Count > 0)
        {
            text.AppendLine().AppendLine(
                "| case | ours, ms | peer, ms | peer | ratio | bar | of bound | bar | as shipped, ms | met |");
            text.AppendLine("|---|---|---|---|---|---|---|---|---|---|");
            foreach (RowResult row in rows)
            {
                text.AppendLine(Line(row));
            }
        }

        if (whole.Count > 0)
        {
            text.AppendLine().AppendLine("| run | ours | peer | ratio | bar | met |");
            text.AppendLine("|---|---|---|---|---|---|");
            foreach (WholeResult result in whole)
            {
                text.AppendLine(Line(result));
            }
        }

        string[] missed =
        [
            .. rows.Where(row => row.Met == false).Select(row => $"{row.Row.Name} ({Reason(row)})"),
            .. whole.Where(result => result.Met == false).Select(result => result.Name),
        ];
        int judged = rows.Count(row => row.Met is not null) + whole.Count(result => result.Met is not null);
        text.AppendLine().AppendLine(Invariant($"{judged - missed.Length} of {judged} rows with a bar meet it."));
        Paragraphs(text, "Not met:", missed);
        Paragraphs(text, "Remarks:", [.. remarks.Distinct()]);
        return text.ToString();
    }

    /// <summary>One row, as it is also shown while the table grows.</summary>
    public static string Line(RowResult result)
    {
        Row row = result.Row;
        (string Name, double Seconds)? best = result.Best;
        double? shipped = result.Peers
            .Where(peer => peer.Name.StartsWith(Contenders.Name(Contender.TorchDefault), StringComparison.Ordinal))
            .Select(peer => (double?)peer.Seconds).FirstOrDefault();
        return Invariant(
            $"| {row.Name} | {Ms(result.OursSeconds)} | {Ms(best?.Seconds)} | {best?.Name ?? "absent"} | ")
            + Invariant($"{Times(result.Ratio)} | {Times(row.RatioBar)} | {Percent(result.BoundShare)} | ")
            + Invariant($"{Percent(row.BoundBar)} | {Ms(shipped)} | {Word(result.Met)} |");
    }

    /// <summary>One figure of whole processes.</summary>
    public static string Line(WholeResult result)
    {
        string sign = result.AtLeast ? ">=" : "<=", unit = result.AtLeast ? "" : " " + result.Unit;
        if (result.Error is not null)
        {
            return $"| {result.Name} | failed: {result.Error} | | | | |";
        }

        string peer = result.Peer is null
            ? "| | "
            : Invariant($"{result.Peer:0.#} {result.Unit} | {Times(result.Ratio)} | ");
        return Invariant($"| {result.Name} | {result.Ours:0.#} {result.Unit} | {peer}{sign} {result.Bar}{unit} | ")
            + $"{Word(result.Met)} |";
    }

    private static string Reason(RowResult result)
    {
        List<string> reasons = [];
        if (result.Ratio < result.Row.RatioBar)
        {
            reasons.Add($"{Times(result.Ratio)} of {Times(result.Row.RatioBar)} against {result.Best!.Value.Name}");
        }

        if (result.BoundShare < result.Row.BoundBar)
        {
            reasons.Add($"{Percent(result.BoundShare)} of {Percent(result.Row.BoundBar)}");
        }

        return string.Join(", ", reasons);
    }

    private static void Paragraphs(StringBuilder text, string title, string[] lines)
    {
        if (lines.Length > 0)
        {
            text.AppendLine().AppendLine(title).AppendLine();
            foreach (string line in lines)
            {
                text.Append("- ").AppendLine(line);
            }
        }
    }

    private static string Ms(double? seconds) => seconds is null
        ? ""
        : Invariant($"{1000 * seconds:G4}").Contains('E', StringComparison.Ordinal)
            ? Invariant($"{1000 * seconds:0}")
            : Invariant($"{1000 * seconds:G4}");

    private static string Times(double? ratio) => ratio is null ? "" : Invariant($"{ratio:0.00}");

    private static string Percent(double? share) => share is null ? "" : Invariant($"{100 * share:0} %");

    private static string Word(bool? met) => met switch { true => "yes", false => "**no**", null => "" };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
