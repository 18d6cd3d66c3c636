using System;
using System.Diagnostics;
using ControlNet.Datasets;
using ControlNet.Evaluation;
using ControlNet.Native;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;
using Spectre.Console;

namespace ControlNet.Cli;

/// <summary>
/// Shows loading, sampling, drawing, measuring and tuning on stderr: bars on a terminal, a line now and then where
/// stderr is redirected. Reports arrive on the thread that works.
/// </summary>
internal sealed class ProgressDisplay :
    IProgress<LoadProgress>, IProgress<GenerationProgress>, IProgress<DatasetProgress>, IProgress<EvaluationProgress>,
    IProgress<TuningProgress>
{
    /// <summary>Between two lines of a log; short work leaves none.</summary>
    private static readonly TimeSpan s_betweenLines = TimeSpan.FromSeconds(5);

    private readonly ProgressContext? _bars;
    private ProgressTask? _loading, _sampling, _drawing, _measuring, _tuning;
    private string _loaded = string.Empty, _measured = string.Empty;
    private long _lastLine = Stopwatch.GetTimestamp();

    private ProgressDisplay(ProgressContext? bars) => _bars = bars;

    /// <summary>Does the work with a display around it.</summary>
    public static T Run<T>(Func<ProgressDisplay, T> work)
    {
        if (!Terminal.IsAnimated)
        {
            return work(new ProgressDisplay(null));
        }

        return Terminal.Error.Progress()
            .Columns(
                new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RateColumn(),
                new RemainingTimeColumn())
            .Start(bars => work(new ProgressDisplay(bars)));
    }

    /// <inheritdoc/>
    public void Report(LoadProgress value)
    {
        if (_bars is null)
        {
            Line($"loading {value.Component}: {value.BytesRead >> 20} of {value.BytesTotal >> 20} MiB");
            return;
        }

        // A ControlNet is loaded after the model and counts from zero again.
        if (_loading is null || value.BytesRead < (long)_loading.Value || value.BytesTotal != (long)_loading.MaxValue)
        {
            _loading?.Value(_loading.MaxValue);
            _loading = _bars.AddTask("loading", maxValue: Math.Max(1, value.BytesTotal));
            RateColumn.CountsBytes(_loading);
        }

        if (_loaded != value.Component)
        {
            _loading.Description = Markup.Escape($"loading {_loaded = value.Component}");
        }

        _loading.Value = value.BytesRead;
    }

    /// <inheritdoc/>
    public void Report(GenerationProgress value)
    {
        if (_bars is null)
        {
            TimeSpan left = value.Elapsed / value.Completed * (value.Total - value.Completed);
            string rate = RateColumn.Format(value.Completed, value.Elapsed);
            Line($"step {value.Completed} of {value.Total}, {rate}, {left:h\\:mm\\:ss} left");
            return;
        }

        _loading?.Value(_loading.MaxValue);
        _sampling ??= _bars.AddTask("sampling", maxValue: value.Total);
        _sampling.Value = value.Completed;
        _sampling.Description = value.Completed < value.Total ? $"step {value.Completed} of {value.Total}" : "decoding";
    }

    /// <inheritdoc/>
    public void Report(DatasetProgress value)
    {
        if (_bars is null)
        {
            Line($"drawn {value.Completed} of {value.Total}");
            return;
        }

        _drawing ??= _bars.AddTask("drawing", maxValue: value.Total);
        _drawing.Value = value.Completed;
    }

    /// <inheritdoc/>
    public void Report(EvaluationProgress value)
    {
        if (_bars is null)
        {
            Line($"{value.Row}: scene {value.Completed} of {value.Total}");
            return;
        }

        if (_measuring is null || _measured != value.Row)
        {
            _measured = value.Row;
            _measuring = _bars.AddTask(Markup.Escape(value.Row), maxValue: value.Total);
        }

        _measuring.Value = value.Completed;
    }

    /// <inheritdoc/>
    public void Report(TuningProgress value)
    {
        if (_bars is null)
        {
            Line($"tuning: {value.Completed} of {value.Total}, {value.Elapsed.TotalSeconds:0} s");
            return;
        }

        _tuning ??= _bars.AddTask("tuning", maxValue: value.Total);
        _tuning.Value = value.Completed;
    }

    private void Line(FormattableString text)
    {
        if (Stopwatch.GetElapsedTime(_lastLine) >= s_betweenLines)
        {
            _lastLine = Stopwatch.GetTimestamp();
            Console.Error.WriteLine(FormattableString.Invariant(text));
        }
    }
}
