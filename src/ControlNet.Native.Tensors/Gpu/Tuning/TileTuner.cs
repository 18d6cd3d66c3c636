using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace ControlNet.Native.Tensors.Gpu.Tuning;

/// <summary>
/// Tries every tile on every case and keeps the usual one unless another is clearly faster. Which wins depends on the
/// times alone: a tile must give the bits of the usual one, its median must be the least and at least a twentieth
/// below that of the usual one, and that once more, if there is time, when both are timed in turn.
/// </summary>
/// <param name="bench">What measures.</param>
/// <param name="clock">What the budget is counted by.</param>
/// <param name="budget">Time after which nothing new is begun.</param>
internal sealed class TileTuner(ITileBench bench, TimeProvider clock, TimeSpan budget)
{
    /// <summary>The most a winner's time may be of the usual tile's.</summary>
    public const double WinningRatio = 0.95;

    /// <summary>A first run that takes so many times as long as the best needs no second.</summary>
    private const double HopelessRatio = 1.5;

    private const int Runs = 3;

    private readonly List<TuningResult> _results = [];
    private readonly List<string> _discarded = [];
    private readonly long _start = clock.GetTimestamp();
    private bool _isComplete = true;
    private int _tried, _total;

    private TimeSpan Elapsed => clock.GetElapsedTime(_start);

    /// <summary>Measures.</summary>
    /// <param name="cases">What is measured; those of one kernel lie together.</param>
    /// <param name="name">The device's name.</param>
    /// <param name="description">The device and its driver.</param>
    /// <param name="progress">Is told of each tile.</param>
    /// <param name="cancellation">Ends it between two runs.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="EngineException">The usual tile does not run, or the device was lost.</exception>
    public TuningReport Run(
        IReadOnlyList<TuningCase> cases, string name, string description, IProgress<TuningProgress>? progress,
        CancellationToken cancellation)
    {
        List<IGrouping<(string, DType), TuningCase>> groups = [.. cases.GroupBy(c => (c.File, c.Activations))];
        _total = groups.Count * TileShape.Others.Count;
        foreach (IGrouping<(string, DType), TuningCase> group in groups)
        {
            List<Candidate> best = Usual(group, cancellation);
            foreach (TileShape tile in TileShape.Others)
            {
                if (best.Count > 0)
                {
                    progress?.Report(new TuningProgress(best[0].Case.Operation, _tried, _total, Elapsed));
                }

                Try(best, tile, cancellation);
                _tried++;
            }

            foreach (Candidate candidate in best)
            {
                Decide(candidate, cancellation);
            }
        }

        progress?.Report(new TuningProgress("", _tried, _total, Elapsed));
        return new TuningReport(name, description, _results, _discarded, _isComplete);
    }

    /// <summary>The cases there is time for, with the time of the usual tile.</summary>
    private List<Candidate> Usual(IEnumerable<TuningCase> group, CancellationToken cancellation)
    {
        List<Candidate> measured = [];
        foreach (TuningCase of in group)
        {
            cancellation.ThrowIfCancellationRequested();
            if (HasTime())
            {
                // Builds the kernels and brings the device up to speed.
                _ = bench.Check(of, TileShape.Usual, of.Storage);
                double ms = Median([.. Enumerable.Range(0, Runs).Select(_ => bench.Milliseconds(of, TileShape.Usual))]);
                measured.Add(new Candidate(of) { UsualMs = ms, BestMs = ms });
            }
        }

        return measured;
    }

    private void Try(List<Candidate> best, TileShape tile, CancellationToken cancellation)
    {
        foreach (Candidate candidate in best)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!HasTime())
            {
                return;
            }

            if (!IsRight(candidate.Case, tile, candidate.Case.Storage))
            {
                return;
            }

            List<double> times = [];
            while (times.Count < Runs && HasTime() &&
                !(times.Count == 1 && times[0] > HopelessRatio * candidate.BestMs))
            {
                cancellation.ThrowIfCancellationRequested();
                times.Add(bench.Milliseconds(candidate.Case, tile));
            }

            if (times.Count == Runs && Median(times) < candidate.BestMs)
            {
                candidate.BestMs = Median(times);
                candidate.Tile = tile;
            }
        }
    }

    /// <summary>Writes the result of a case. A winner must win again, in turn with the usual tile.</summary>
    private void Decide(Candidate candidate, CancellationToken cancellation)
    {
        TuningCase of = candidate.Case;
        double usual = candidate.UsualMs, best = candidate.BestMs;
        if (best <= WinningRatio * usual && HasTime())
        {
            List<double> usuals = [], bests = [];
            for (int run = 0; run < Runs; run++)
            {
                cancellation.ThrowIfCancellationRequested();
                usuals.Add(bench.Milliseconds(of, TileShape.Usual));
                bests.Add(bench.Milliseconds(of, candidate.Tile));
            }

            (usual, best) = (Median(usuals), Median(bests));
        }

        bool wins = candidate.Tile != TileShape.Usual && best <= WinningRatio * usual;
        List<string> modules = [of.Usual(of.Storage).Module];
        foreach (DType storage in wins ? of.OtherStorages : [])
        {
            cancellation.ThrowIfCancellationRequested();
            if (HasTime() && IsRight(of, candidate.Tile, storage))
            {
                modules.Add(of.Usual(storage).Module);
            }
        }

        _results.Add(new TuningResult(
            of.Operation, usual, wins ? best : usual, of.Level, wins ? candidate.Tile : TileShape.Usual, modules));
    }

    private bool IsRight(TuningCase of, TileShape tile, DType storage)
    {
        string? wrong;
        try
        {
            wrong = bench.Check(of, tile, storage);
        }
        catch (EngineException e) when (e is not GpuException { IsDeviceLost: true })
        {
            wrong = e.Message;
        }

        if (wrong is not null)
        {
            _discarded.Add($"{tile}: {of.Operation} with {storage.Name()} weights: {wrong}");
        }

        return wrong is null;
    }

    /// <summary>Whether there is time for another run; notes when there is not.</summary>
    private bool HasTime()
    {
        _isComplete &= Elapsed < budget;
        return _isComplete;
    }

    private static double Median(List<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    /// <summary>A case and the fastest tile so far.</summary>
    private sealed class Candidate(TuningCase of)
    {
        public TuningCase Case { get; } = of;

        public double UsualMs { get; init; }

        public double BestMs { get; set; }

        public TileShape Tile { get; set; } = TileShape.Usual;
    }
}
