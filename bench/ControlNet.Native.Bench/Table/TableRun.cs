using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json.Nodes;

namespace ControlNet.Native.Bench.Table;

/// <summary>One run of the table: what has been measured so far.</summary>
internal sealed class TableRun(TableOptions options, Contenders contenders)
{
    private const long CacheCopyBytes = 4 << 20, MemoryCopyBytes = 256 << 20;
    private readonly List<string> _head = [Machines.Describe()], _remarks = [];
    private readonly List<RowResult> _results = [];
    private readonly List<WholeResult> _whole = [];
    private readonly TableFile? _file = options.Writes ? new TableFile(options) : null;

    /// <summary>Whether a row misses a bar.</summary>
    public bool MissesAny => _results.Any(row => row.Met == false) || _whole.Any(result => result.Met == false);

    /// <summary>The rows of operations, and of networks where there is a checkpoint.</summary>
    public static IEnumerable<Row> Rows(TableOptions options) => options.Model is null
        ? OpRows.All()
        : OpRows.All().Concat(NetworkRows.All(options.Model, options.Control, options.Size));

    /// <summary>Measures all that is asked for, telling each row as it is done.</summary>
    public void Measure()
    {
        if (options.Model is null)
        {
            _remarks.Add("networks are left out: name a checkpoint with --model; 'random-checkpoint' makes one");
        }

        _head.Add(Bounds());
        TimeRows();
        if (options.Wants("memory") && options.Model is not null)
        {
            Add(WholeRuns.DecodeMemory(options, contenders));
        }

        contenders.EndOthers([]);
        if (options.Wants("generate") || options.Wants("memory"))
        {
            foreach (WholeResult result in new WholeRuns(options).All())
            {
                Add(result);
            }
        }
    }

    /// <summary>The table so far.</summary>
    public string Text()
    {
        IEnumerable<string> who = contenders.Greetings.Select(who => $"{Contenders.Name(who.Key)}: {who.Value}");
        return TableText.Write(options, [.. _head, .. who], _results, _whole, _remarks);
    }

    private void TimeRows()
    {
        Row[] rows = [.. Rows(options).Where(row => options.Wants(row.Group))];
        RowTimer timer = new(options, contenders);
        for (int i = 0; i < rows.Length; i++)
        {
            try
            {
                RowResult result = timer.Time(rows[i]);
                _results.Add(result);
                _remarks.AddRange(result.Remarks.Select(remark => $"{rows[i].Name}: {remark}"));
                Console.Error.WriteLine(
                    $"[{i + 1}/{rows.Length}] {TableText.Line(result)} {result.Rounds} rounds");
            }
            catch (InvalidOperationException e)
            {
                _remarks.Add($"{rows[i].Name}: {e.Message}");
                Console.Error.WriteLine($"[{i + 1}/{rows.Length}] {_remarks[^1]}");
            }

            _file?.Write(Text());
        }
    }

    private void Add(WholeResult result)
    {
        _whole.Add(result);
        Console.Error.WriteLine(TableText.Line(result));
        _file?.Write(Text());
    }

    /// <summary>What the machine can do at most, before anything else is timed.</summary>
    private string Bounds()
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
        return line;
    }

    private static double Rate(TimingProcess ours, JsonObject spec)
    {
        double work = (double)ours.Make(spec, 0)["work"]!;
        double[] seconds = [.. ours.Time(0, warm: 1, calls: 15, seconds: 0.5).Order()];
        ours.Drop();
        return work / seconds[seconds.Length / 4];
    }
}
