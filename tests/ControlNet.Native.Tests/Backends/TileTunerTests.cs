using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu.Tuning;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

/// <summary>The rule by which a tile wins, on times that are written down.</summary>
public sealed class TileTunerTests
{
    private static readonly TileShape s_usual = TileShape.Usual;
    private static readonly TileShape s_first = TileShape.Others[0], s_second = TileShape.Others[1];

    private static readonly TuningCase s_case = TuningCase.All[0];

    [Fact]
    public void The_fastest_tile_wins_and_is_proved_for_every_storage_type()
    {
        TuningReport report = Run(new FakeTileBench().Takes(s_first, 80).Takes(s_second, 50));
        TuningResult result = Assert.Single(report.Results);
        Assert.Equal((100, 50, s_second), (result.UsualMs, result.BestMs, result.Chosen));
        Assert.Equal(
            ["conv2d WEIGHT=0 COLUMNS=64", "conv2d WEIGHT=1 COLUMNS=64", "conv2d WEIGHT=2 COLUMNS=64"], result.Modules);
        Assert.Equal((false, "64x64, 64 threads, 16 steps"), (result.IsUsual, result.Tile));
        Assert.True(report.IsComplete);
        Assert.Empty(report.Discarded);
    }

    [Theory]
    [InlineData(95, true)]
    [InlineData(95.1, false)]
    [InlineData(100, false)]
    public void A_winner_is_a_twentieth_faster(double ms, bool wins)
    {
        TuningResult result = Assert.Single(Run(new FakeTileBench().Takes(s_first, ms)).Results);
        Assert.Equal((!wins, wins ? ms : 100), (result.IsUsual, result.BestMs));
    }

    [Fact]
    public void Of_two_that_are_as_fast_the_first_of_the_menu_wins()
    {
        TuningReport report = Run(new FakeTileBench().Takes(s_second, 50).Takes(s_first, 50));
        Assert.Equal(s_first, Assert.Single(report.Results).Chosen);
    }

    [Fact]
    public void The_median_counts_and_one_slow_run_does_not()
    {
        Assert.Equal(s_first, Run(new FakeTileBench().Takes(s_first, 50, 900, 50)).Results[0].Chosen);

        // The first run of the confirmation is fast again, the next two are not.
        TuningResult lucky = Run(new FakeTileBench().Takes(s_first, 50, 50, 50, 50, 100, 100)).Results[0];
        Assert.Equal((true, 100.0), (lucky.IsUsual, lucky.BestMs));
    }

    [Fact]
    public void A_tile_that_is_hopeless_runs_once()
    {
        FakeTileBench bench = new FakeTileBench().Takes(s_first, 151);
        Run(bench);
        Assert.Equal(1, bench.Timed.Count(run => run.Tile == s_first));
        Assert.Equal(3, bench.Timed.Count(run => run.Tile == s_second));
    }

    [Fact]
    public void A_tile_that_is_wrong_or_does_not_run_is_discarded_with_the_reason()
    {
        FakeTileBench bench = new FakeTileBench().Takes(s_first, 1).Takes(s_second, 1)
            .Finds(s_first, () => "7 of 9 numbers are not those of the usual tile")
            .Finds(s_second, () => throw new GpuException("clBuildProgram failed"));
        TuningReport report = Run(bench);
        Assert.True(Assert.Single(report.Results).IsUsual);
        Assert.DoesNotContain(bench.Timed, run => run.Tile == s_first || run.Tile == s_second);
        Assert.Equal(
            [
                $"{s_first}: {s_case.Operation} with F32 weights: 7 of 9 numbers are not those of the usual tile",
                $"{s_second}: {s_case.Operation} with F32 weights: clBuildProgram failed",
            ],
            report.Discarded);
    }

    [Fact]
    public void A_storage_type_it_is_wrong_for_keeps_the_usual_tile()
    {
        TuningReport report = Run(
            new FakeTileBench().Takes(s_first, 50).Finds(s_first, () => "other bits", DType.F16));
        Assert.Equal(
            ["conv2d WEIGHT=0 COLUMNS=64", "conv2d WEIGHT=2 COLUMNS=64"], Assert.Single(report.Results).Modules);
        Assert.Single(report.Discarded);
    }

    [Fact]
    public void A_device_that_is_lost_ends_it()
    {
        GpuException loss = new("test:0", "clFinish", -1, "LOST", isDeviceLost: true);
        FakeTileBench bench = new FakeTileBench().Finds(s_first, () => throw loss);
        Assert.Same(loss, Assert.Throws<GpuException>(() => Run(bench)));
    }

    /// <summary>Three runs of the usual tile, three of the first, one of the second: then 640 ms are over.</summary>
    [Fact]
    public void When_time_is_up_the_best_so_far_is_kept()
    {
        FakeTileBench bench = new FakeTileBench().Takes(s_first, 90).Takes(s_second, 85);
        TuningReport report = Run(bench, TimeSpan.FromMilliseconds(640));
        Assert.Equal((90, s_first), (report.Results[0].BestMs, report.Results[0].Chosen));
        Assert.Equal(["conv2d WEIGHT=0 COLUMNS=64"], report.Results[0].Modules);
        Assert.False(report.IsComplete);
        Assert.Equal(7, bench.Timed.Count);

        FakeTileBench slow = new FakeTileBench().Takes(s_usual, 700);
        Assert.Single(Run(slow, TimeSpan.FromMilliseconds(0.5), [.. TuningCase.All]).Results);
    }

    [Fact]
    public void It_is_cancelled_between_two_runs()
    {
        using CancellationTokenSource source = new();
        FakeTileBench bench = new();
        bench.OnTime = () =>
        {
            if (bench.Timed.Count == 4)
            {
                source.Cancel();
            }
        };
        Assert.Throws<OperationCanceledException>(() => Run(bench, cancellation: source.Token));
        Assert.Equal(5, bench.Timed.Count);
    }

    [Fact]
    public void Progress_ends_with_all_of_it()
    {
        List<TuningProgress> reports = [];
        Run(new FakeTileBench(), progress: new Collected(reports));
        Assert.Equal(TileShape.Others.Count + 1, reports.Count);
        Assert.Equal((0, TileShape.Others.Count), (reports[0].Completed, reports[0].Total));
        Assert.Equal(reports[^1].Total, reports[^1].Completed);
        Assert.Equal(s_case.Operation, reports[0].Operation);
        Assert.Equal(reports.Select(r => r.Elapsed).Order(), reports.Select(r => r.Elapsed));
    }

    private static TuningReport Run(
        FakeTileBench bench, TimeSpan? budget = null, TuningCase[]? cases = null,
        IProgress<TuningProgress>? progress = null, CancellationToken cancellation = default) =>
        new TileTuner(bench, bench, budget ?? TimeSpan.FromMinutes(1)).Run(
            cases ?? [s_case], "test:0", "a fake", progress, cancellation);

    private sealed class Collected(List<TuningProgress> reports) : IProgress<TuningProgress>
    {
        public void Report(TuningProgress value) => reports.Add(value);
    }
}
