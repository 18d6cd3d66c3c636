using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json.Nodes;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// <c>train --model FILE --control FILE [--size N,N] [--recompute no|yes|both] [--peers default,tuned] [--rounds N]
/// [--threads N] [--small FOLDER]</c>: one training step of a ControlNet of Stable Diffusion 1.5 size,
/// ours and PyTorch's in turn, and
/// the most memory each process ever held, loading included. One peer at a time: two and ours do not fit into 24 GiB.
/// With <c>--small</c> also, or only, the steps of a small model; see <see cref="SmallSteps"/>.
/// </summary>
internal static class TrainCommand
{
    private const double FasterThanDefault = 1.5, OfPeerMemory = 0.7, Gibi = 1L << 30;

    /// <summary>Prints a line for each size, mode and peer.</summary>
    public static int Run(string[] arguments)
    {
        string[] own = ["--size", "--recompute", "--peers", "--small"];
        string[] shared = [.. arguments.Where((argument, i) =>
            !own.Contains(argument) && (i == 0 || !own.Contains(arguments[i - 1])))];
        TableOptions options = TableOptions.Read(shared);
        string? small = Options.Text(arguments, "--small");
        if (options.Model is null && small is not null)
        {
            SmallSteps.Print(small, options.Threads, 20);
            return 0;
        }

        if (options.Model is null || options.Control is null)
        {
            throw new ArgumentException("train wants --model FILE and --control FILE or --small FOLDER; " +
                "random-checkpoint writes both files");
        }

        bool[] modes = Options.Text(arguments, "--recompute") switch
        {
            null or "both" => [false, true],
            "no" => [false],
            "yes" => [true],
            { } other => throw new ArgumentException($"--recompute is '{other}', but takes no, yes or both"),
        };
        string[] peers = (Options.Text(arguments, "--peers") ?? "default,tuned").Split(',');
        string[] sizes = (Options.Text(arguments, "--size") ?? "256,512").Split(',');
        Console.WriteLine($"- {Machines.Describe()}, {options.Threads} threads\n");
        Console.WriteLine(
            "| size | recompute | peer | ours, s | peer, s | ratio | bar " +
            "| ours, GiB | peer, GiB | share | bar | met |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (string size in sizes)
        {
            foreach (bool recompute in modes)
            {
                foreach (string peer in peers)
                {
                    JsonObject spec = new()
                    {
                        ["case"] = "train", ["model"] = options.Model, ["control"] = options.Control,
                        ["size"] = int.Parse(size, CultureInfo.InvariantCulture), ["batch"] = 1,
                        ["recompute"] = recompute,
                    };
                    Console.WriteLine(Row(options, spec, peer == "tuned"));
                }
            }
        }

        if (small is not null)
        {
            SmallSteps.Print(small, options.Threads, 20);
        }

        return 0;
    }

    private static string Row(TableOptions options, JsonObject spec, bool tuned)
    {
        string threads = options.Threads.ToString(CultureInfo.InvariantCulture);
        string[] more = tuned ? ["--threads", threads, "--tuned"] : ["--threads", threads];
        using TimingProcess ours = new(
            new("dotnet", [typeof(TrainCommand).Assembly.Location, "serve", "--threads", threads]));
        using TimingProcess peer = new(Contenders.Python(options, "torch_train.py", tuned, more));
        double ourLoss = (double)ours.Make(spec, 0)["loss"]!, peerLoss = (double)peer.Make(spec, 0)["loss"]!;
        if (!(Math.Abs(ourLoss - peerLoss) <= 1e-3 * Math.Abs(peerLoss)))
        {
            throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture, $"the losses are {ourLoss} and {peerLoss}: these are not the same step"));
        }

        List<double> ourSeconds = [], peerSeconds = [];
        for (int round = 0; round < options.Rounds; round++)
        {
            ourSeconds.AddRange(ours.Time(0, 0, 1, 1));
            peerSeconds.AddRange(peer.Time(0, 0, 1, 1));
        }

        double our = Median(ourSeconds), its = Median(peerSeconds), timeBar = tuned ? 1 : FasterThanDefault;
        double ourPeak = ours.PeakBytes / Gibi, itsPeak = peer.PeakBytes / Gibi;
        string met = its / our >= timeBar && ourPeak / itsPeak <= OfPeerMemory ? "yes" : "**no**";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {spec["size"]} | {((bool)spec["recompute"]! ? "yes" : "no")} | {(tuned ? "tuned" : "as shipped")} " +
            $"| {our:f2} | {its:f2} | {its / our:f2} | {timeBar:f1} | {ourPeak:f1} | {itsPeak:f1} " +
            $"| {ourPeak / itsPeak:f2} | {OfPeerMemory} | {met} |");
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
