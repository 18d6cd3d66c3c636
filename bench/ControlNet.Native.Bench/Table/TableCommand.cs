using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// <c>table</c>: this engine beside its peers, in one run on this machine; see <c>bench/README.md</c>. Exit code 0 when
/// every bar that could be judged is met, 1 when one is missed, 2 for a command line that cannot be read.
/// </summary>
internal static class TableCommand
{
    private const long CacheCopyBytes = 4 << 20, MemoryCopyBytes = 256 << 20;

    /// <summary>Runs the rows that are asked for and prints the table.</summary>
    public static int Run(string[] arguments)
    {
        TableOptions options;
        try
        {
            options = TableOptions.Read(arguments);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }

        return options.Prepares ? Prepare(options) : Print(options);
    }

    private static int Print(TableOptions options)
    {
        using Contenders contenders = new(options);
        List<string> head = [Machines.Describe(), .. Bounds(options, contenders)], remarks = [];
        List<RowResult> results = TimeRows(options, contenders, remarks);
        List<WholeResult> whole = [];
        if (options.Wants("memory") && options.Model is not null)
        {
            whole.Add(WholeRuns.DecodeMemory(options, contenders));
            Console.Error.WriteLine(TableText.Line(whole[^1]));
        }

        contenders.EndOthers([]);
        if (options.Wants("generate") || options.Wants("memory"))
        {
            foreach (WholeResult result in new WholeRuns(options).All())
            {
                whole.Add(result);
                Console.Error.WriteLine(TableText.Line(result));
            }
        }

        head.AddRange(contenders.Greetings.Select(who => $"{Contenders.Name(who.Key)}: {who.Value}"));
        string text = TableText.Write(options, head, results, whole, remarks);
        Console.WriteLine(text);
        if (options.Writes)
        {
            Append(options, text);
        }

        return results.Any(row => row.Met == false) || whole.Any(result => result.Met == false) ? 1 : 0;
    }

    private static int Prepare(TableOptions options)
    {
        OnnxFiles files = new(options);
        foreach (Row row in Rows(options, []))
        {
            if (options.Wants(row.Group) && row.Peers[0].Peer == Contender.Onnx)
            {
                Console.WriteLine(files.Get(row.Spec));
            }
        }

        return 0;
    }

    private static List<RowResult> TimeRows(TableOptions options, Contenders contenders, List<string> remarks)
    {
        Row[] rows = [.. Rows(options, remarks).Where(row => options.Wants(row.Group))];
        RowTimer timer = new(options, contenders);
        List<RowResult> results = [];
        foreach (Row row in rows)
        {
            try
            {
                RowResult result = timer.Time(row);
                results.Add(result);
                remarks.AddRange(result.Remarks.Select(remark => $"{row.Name}: {remark}"));
                Console.Error.WriteLine(
                    $"[{results.Count}/{rows.Length}] {TableText.Line(result)} {result.Rounds} rounds");
            }
            catch (InvalidOperationException e)
            {
                remarks.Add($"{row.Name}: {e.Message}");
                Console.Error.WriteLine($"{row.Name}: {e.Message}");
            }
        }

        return results;
    }

    private static IEnumerable<Row> Rows(TableOptions options, List<string> remarks)
    {
        if (options.Model is null)
        {
            remarks.Add("networks are left out: name a checkpoint with --model, or make one with 'random-checkpoint'");
            return OpRows.All();
        }

        return OpRows.All().Concat(NetworkRows.All(options.Model, options.Control, options.Size));
    }

    /// <summary>What the machine can do at most, before anything else is timed.</summary>
    private static IEnumerable<string> Bounds(TableOptions options, Contenders contenders)
    {
        TimingProcess ours = contenders.Get(Contender.Ours);
        double flops = Rate(ours, new JsonObject { ["case"] = "fma" });
        double cache = Rate(ours, new JsonObject { ["case"] = "copy", ["bytes"] = CacheCopyBytes });
        double memory = Rate(ours, new JsonObject { ["case"] = "copy", ["bytes"] = MemoryCopyBytes });
        string line = string.Create(
            CultureInfo.InvariantCulture,
            $"at the start, {options.Threads} threads: {flops / 1e9:0} GFLOP/s of fused multiply-adds, copies of ")
            + string.Create(
                CultureInfo.InvariantCulture, $"4 MiB {cache / 1e9:0} GB/s, of 256 MiB {memory / 1e9:0} GB/s");
        Console.Error.WriteLine(line);
        return [line];
    }

    private static double Rate(TimingProcess ours, JsonObject spec)
    {
        double work = (double)ours.Make(spec, 0)["work"]!;
        double[] seconds = [.. ours.Time(0, warm: 1, calls: 15, seconds: 0.5).Order()];
        ours.Drop();
        return work / seconds[seconds.Length / 2];
    }

    private static void Append(TableOptions options, string text)
    {
        string date = DateTime.Now.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        string folder = Path.Combine(options.Root, "bench", "results", options.Machine);
        Directory.CreateDirectory(folder);
        string file = Path.Combine(folder, date + ".md");
        string title = File.Exists(file) ? "\n" : $"# {options.Machine}, {date}\n\n";
        File.AppendAllText(file, title + text);
        Console.Error.WriteLine($"written to {Path.GetRelativePath(options.Root, file)}");
    }
}
