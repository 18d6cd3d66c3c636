using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Text.Json.Nodes;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// Times a row: ours, each peer and the machine's bound take turns in rounds, forwards and backwards by turns, until
/// the row's time is up. What stands in the table are medians over all calls of all rounds.
/// </summary>
internal sealed class RowTimer(TableOptions options, Contenders contenders)
{
    private const int OurSlot = 0, BoundSlot = 1, MaxRounds = 40;
    private const double AgreementLimit = 1e-3;

    /// <summary>Times one row.</summary>
    /// <exception cref="InvalidOperationException">Ours cannot run it; peers that cannot become remarks.</exception>
    public RowResult Time(Row row)
    {
        List<string> remarks = [];
        contenders.EndOthers(row.IsNetwork ? [] : [row.Ours, .. row.Peers.Select(peer => peer.Peer)]);
        TimingProcess ours = contenders.Get(row.Ours);
        double ourRms = (double)ours.Make(row.Spec, OurSlot)["rms"]!;
        List<Turn> turns = [new Turn(ours, OurSlot, "ours")];
        double work = 0;
        if (Bound(row) is { } bound)
        {
            work = (double)ours.Make(bound, BoundSlot)["work"]!;
            turns.Add(new Turn(ours, BoundSlot, "bound"));
        }

        Dictionary<Contender, int> slots = [];
        foreach ((Contender who, string form) in row.Peers)
        {
            int slot = slots[who] = slots.GetValueOrDefault(who, -1) + 1;
            if (Prepare(row, who, form, slot, ourRms, remarks) is { } turn)
            {
                turns.Add(turn);
            }
        }

        int rounds = TakeTurns(row, turns);
        foreach (TimingProcess process in turns.Select(turn => turn.Process).Distinct())
        {
            process.Drop();
        }

        double? share = work == 0 ? null : Share(row, turns[0].Median, work / turns[1].FastQuartile);
        IEnumerable<Turn> peers = turns.Where(turn => turn.Name is not "ours" and not "bound");
        return new RowResult(
            row, turns[0].Median, [.. peers.Select(turn => (turn.Name, turn.Median))], share, rounds, remarks);
    }

    private Turn? Prepare(Row row, Contender who, string form, int slot, double ourRms, List<string> remarks)
    {
        try
        {
            JsonObject spec = (JsonObject)row.Spec.DeepClone();
            spec["form"] = form;
            if (who == Contender.Onnx)
            {
                spec["onnx"] = new OnnxFiles(options).Get(spec);
            }

            TimingProcess process = contenders.Get(who);
            double rms = (double)process.Make(spec, slot)["rms"]!;
            if (row.IsNetwork && !(Math.Abs(rms - ourRms) <= AgreementLimit * Math.Abs(ourRms)))
            {
                remarks.Add(string.Create(
                    CultureInfo.InvariantCulture,
                    $"results disagree: root mean square {ourRms:g6} here, {rms:g6} in {Contenders.Name(who)}"));
            }

            return new Turn(process, slot, $"{Contenders.Name(who)} {form}".TrimEnd());
        }
        catch (InvalidOperationException e)
        {
            remarks.Add(e.Message);
            return null;
        }
    }

    private int TakeTurns(Row row, List<Turn> turns)
    {
        double budget = (row.IsNetwork ? 8 : 1) * options.SecondsPerRow;
        int warm = row.IsNetwork ? 0 : 1, calls = row.IsNetwork ? 1 : 1000, rounds = 0;
        long begin = Stopwatch.GetTimestamp();
        while (rounds < options.Rounds
            || (rounds < MaxRounds && Stopwatch.GetElapsedTime(begin).TotalSeconds < budget))
        {
            foreach (Turn turn in rounds % 2 == 0 ? turns : Enumerable.Reverse(turns))
            {
                turn.Seconds.AddRange(turn.Process.Time(turn.Slot, warm, calls, options.SecondsPerTurn));
            }

            rounds++;
        }

        return rounds;
    }

    private static JsonObject? Bound(Row row) => row switch
    {
        { Operations: > 0 } => new JsonObject { ["case"] = "fma" },
        { BytesMoved: > 0 } => new JsonObject { ["case"] = "copy", ["bytes"] = row.BytesMoved / 2 },
        _ => null,
    };

    /// <param name="row">The row.</param>
    /// <param name="seconds">Ours.</param>
    /// <param name="rate">Operations or bytes a second that the machine can do at most.</param>
    private static double Share(Row row, double seconds, double rate) =>
        Math.Max(row.Operations, row.BytesMoved) / seconds / rate;

    private sealed record Turn(TimingProcess Process, int Slot, string Name)
    {
        public List<double> Seconds { get; } = [];

        /// <summary>A bound is what the machine reaches when nothing disturbs it, so the fast calls count.</summary>
        public double FastQuartile => Seconds.Order().ElementAt(Seconds.Count / 4);

        public double Median
        {
            get
            {
                double[] sorted = [.. Seconds.Order()];
                return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
            }
        }
    }
}
