using System;
using System.Diagnostics;
using ControlNet.Native.Training;
using Spectre.Console;

namespace ControlNet.Cli;

/// <summary>
/// Shows a training run on stderr: one line that is written over on a terminal, a line now and then where stderr is
/// redirected.
/// </summary>
internal sealed class TrainingDisplay : IProgress<TrainingProgress>
{
    /// <summary>Between two lines of a log.</summary>
    private static readonly TimeSpan s_betweenLines = TimeSpan.FromSeconds(5);

    /// <summary>Between two states of a terminal's line; the eye follows no more.</summary>
    private static readonly TimeSpan s_betweenStates = TimeSpan.FromMilliseconds(100);

    private readonly LiveDisplayContext? _live;
    private long? _last;

    private TrainingDisplay(LiveDisplayContext? live) => _live = live;

    /// <summary>Does the work with a display around it.</summary>
    public static void Run(Action<TrainingDisplay> work)
    {
        if (!Terminal.IsAnimated)
        {
            work(new TrainingDisplay(null));
            return;
        }

        Terminal.Error.Live(new Text("the first step …")).Start(live => work(new TrainingDisplay(live)));
    }

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        bool ends = value.Step == value.TotalSteps;
        if (!ends && _last is { } last
            && Stopwatch.GetElapsedTime(last) < (_live is null ? s_betweenLines : s_betweenStates))
        {
            return;
        }

        _last = Stopwatch.GetTimestamp();
        string line = ProgressText.Line(value);
        if (_live is null)
        {
            Console.Error.WriteLine(line);
            return;
        }

        _live.UpdateTarget(new Text(line));
    }
}
