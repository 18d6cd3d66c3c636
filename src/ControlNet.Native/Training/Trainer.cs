using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>
/// A training run in a folder: steps, checkpoints, metrics, pictures. Made by <see cref="ControlNetTrainer"/> and
/// <see cref="BaseTrainer"/>. The folder holds <c>checkpoints</c>, <c>metrics.jsonl</c>, <c>samples</c>,
/// <c>loss.svg</c>
/// and, when the run has ended, the trained model in <c>final</c>.
/// </summary>
public sealed class Trainer : IDisposable
{
    private const string MetricsName = "metrics.jsonl", PlotName = "loss.svg", SamplesName = "samples";

    private readonly TrainingTask _task;
    private readonly TrainingOptions _options;
    private readonly TrainingFolder _data;
    private readonly TrainingStore _store;
    private readonly AdamWOptimizer _optimizer;
    private readonly BatchLoader _batches;
    private readonly MetricsLog _metrics;
    private readonly TrainingStep _steps;
    private readonly ExponentialAverage _loss = new(0.98);
    private readonly TrainingTimer _timer = new();
    private readonly List<string> _messages = [];
    private readonly string _settings;
    private long _step, _position, _skipped;
    private int _skippedInARow;
    private double? _fidelity;

    internal Trainer(
        TrainingTask task, TrainingOptions options, TrainingFolder data, string folder, IEnumerable<string> settings,
        bool resume, StoreDisk? disk)
    {
        (_task, _options, _data) = (task, options, data);
        Folder = folder;
        _settings = string.Join("; ", settings.Where(part => part.Length > 0));
        _store = TrainingStore.Open(folder, options.KeepCheckpoints, disk ?? new StoreDisk());
        try
        {
            using DeviceReservation turn = task.Device.Reserve();
            _optimizer = new AdamWOptimizer(task.Groups, options.EmaDecay);
            Begin(resume);
            _metrics = MetricsLog.Open(Path.Combine(folder, MetricsName), _step);
        }
        catch
        {
            _optimizer?.Dispose();
            _store.Dispose();
            throw;
        }

        _steps = new TrainingStep(task, options, _optimizer);
        _batches = new BatchLoader(
            data, new SampleOrder(data.Count, options.Seed), options.BatchSize, options.Width, options.Height);
    }

    /// <summary>The folder of the run.</summary>
    public string Folder { get; }

    /// <summary>Optimiser steps done.</summary>
    public long Step => _step;

    /// <summary>Steps that were left out because loss or gradient was not finite.</summary>
    public long SkippedSteps => _skipped;

    /// <summary>Number of weights that are trained.</summary>
    public long TrainedParameterCount => _optimizer.ParameterCount;

    /// <summary>What the user should know of how the run began: damaged checkpoints that were passed over.</summary>
    public IReadOnlyList<string> Messages => _messages;

    /// <summary>Trains until the last step, and exports the model.</summary>
    /// <param name="progress">Told after every step, on this thread.</param>
    /// <param name="cancellation">
    /// Stops the run after the batch at hand; what was finished is saved, and the run can be resumed.
    /// </param>
    /// <exception cref="OperationCanceledException">The run was cancelled, and a checkpoint written.</exception>
    /// <exception cref="TrainingException">
    /// Too many steps in a row had a loss that is not finite, or weights are not.
    /// </exception>
    /// <exception cref="TrainingDataException">
    /// A picture is missing or cannot be read; a checkpoint was written.
    /// </exception>
    /// <exception cref="TrainingStateException">
    /// A checkpoint cannot be written, for example because the disk is full; those before are intact.
    /// </exception>
    public void Run(IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        using DeviceReservation turn = _task.Device.Reserve(cancellation);
        _timer.Start();
        long saved = _step;
        try
        {
            while (_step < _options.Steps)
            {
                if (TakeStep(cancellation) is not { } metrics)
                {
                    Report(progress);
                    continue;
                }

                bool last = _step == _options.Steps;
                if (_options.PreviewEvery > 0 && (_step % _options.PreviewEvery == 0 || last))
                {
                    metrics = metrics with { Fidelity = ShowSamples() };
                }

                _metrics.Write(metrics);
                Report(progress);
                if (_step > saved && (_step % _options.SaveEvery == 0 || last))
                {
                    Save();
                    saved = _step;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or TrainingDataException)
        {
            if (_step > saved)
            {
                Save();
            }

            throw;
        }

        Export(Path.Combine(Folder, "final"));
    }

    /// <summary>
    /// Writes the model as it is now, or the moving average of its weights where there is one, in the layout that is
    /// loaded for generation.
    /// </summary>
    /// <param name="folder">Where; made when it does not exist.</param>
    public void Export(string folder)
    {
        using DeviceReservation turn = _task.Device.Reserve();
        IEnumerable<TrainingSample> samples = Enumerable.Range(0, Math.Min(64, _data.Count))
            .Select(i => _data.Load(i, _options.Width, _options.Height));
        using IDisposable averages = _optimizer.UseAverages();
        _task.Export(folder, samples);
    }

    /// <summary>Frees models and optimiser, and gives the folder back.</summary>
    public void Dispose()
    {
        _metrics.Dispose();
        _steps.Dispose();
        _optimizer.Dispose();
        _task.Dispose();
        _store.Dispose();
    }

    private void Begin(bool resume)
    {
        if (!resume)
        {
            if (_store.Steps.Count > 0)
            {
                throw new TrainingStateException(
                    $"{Folder} holds a training run at step {_store.Steps[0]}; resume it (--resume) or choose " +
                    "another folder");
            }

            return;
        }

        using TrainingCheckpoint? checkpoint =
            _store.OpenLatest(_task.Architecture, out IReadOnlyList<string> messages);
        _messages.AddRange(messages);
        if (checkpoint is null)
        {
            _messages.Add($"{Folder} has no checkpoint yet; the run begins at step 0");
            return;
        }

        string settings = checkpoint.Values.Text("settings");
        if (settings != _settings)
        {
            throw new TrainingStateException(
                $"{checkpoint.Folder} was trained with other settings ({Differences(settings, _settings)}); resume " +
                "with the same ones, or choose another folder");
        }

        _optimizer.Load(_task.Device, checkpoint);
        _step = checkpoint.Step;
        _position = checkpoint.Values.Whole("position");
        _skipped = checkpoint.Values.Whole("skipped");
        _skippedInARow = (int)checkpoint.Values.Whole("skipped_in_a_row");
    }

    /// <summary>What only one of two settings has, for example <c>batch 4, now batch 8</c>.</summary>
    private static string Differences(string before, string now)
    {
        string[] old = before.Split("; "), current = now.Split("; ");
        string gone = string.Join(", ", old.Except(current)), come = string.Join(", ", current.Except(old));
        return $"{(gone.Length > 0 ? gone : "less")}, now {(come.Length > 0 ? come : "less")}";
    }

    private void Save()
    {
        if (!_optimizer.IsFinite)
        {
            throw new TrainingException(
                $"step {_step}: weights are not finite any more and are not saved; {Intact()}; lower the learning " +
                "rate and begin anew in another folder");
        }

        TrainingState state = new(_step, _task.Architecture);
        state.Values.Set("settings", _settings);
        state.Values.Set("seed", _options.Seed);
        state.Values.Set("position", _position);
        state.Values.Set("accumulated_batches", 0L);
        state.Values.Set("skipped", _skipped);
        state.Values.Set("skipped_in_a_row", (long)_skippedInARow);
        _optimizer.Save(state);
        _metrics.FlushToDisk();
        _store.Save(state);
        LossPlot.Save(
            Path.Combine(Folder, PlotName), MetricsLog.Read(Path.Combine(Folder, MetricsName)),
            new LossPlotOptions { Title = _task.Architecture });
    }

    /// <summary>Takes one optimiser step.</summary>
    /// <returns>What it was like; null when it was left out because loss or gradient was not finite.</returns>
    private TrainingMetrics? TakeStep(CancellationToken cancellation)
    {
        StepOutcome outcome = _steps.Take(_step, _position, _batches.At, cancellation);
        _position = outcome.Position;
        if (!outcome.IsFinite)
        {
            Skip(outcome.Loss, outcome.Norm);
            return null;
        }

        _step++;
        _skippedInARow = 0;
        _loss.Add(outcome.Loss);
        return new TrainingMetrics(
            _step, outcome.Loss, outcome.Rate, outcome.Norm,
            _timer.Count(_options.BatchSize * _options.Accumulation));
    }

    private void Skip(double loss, double norm)
    {
        _skipped++;
        if (++_skippedInARow > _options.MaxSkippedInARow)
        {
            throw new TrainingException(
                $"step {_step + 1}: loss {loss} or gradient {norm} is not finite, and this is time " +
                $"{_skippedInARow} in a row; {Intact()}; lower the learning rate and begin anew in another folder");
        }
    }

    private void Report(IProgress<TrainingProgress>? progress) => progress?.Report(new TrainingProgress(
        _step, _options.Steps, _loss.Value, _timer.ImagesPerSecond, _timer.Remaining(_options.Steps - _step),
        _task.Device.PeakBytes)
    {
        Fidelity = _fidelity, SkippedSteps = _skipped,
    });

    /// <summary>Which checkpoint a run that cannot go on has left.</summary>
    private string Intact() => _store.Steps.Count > 0
        ? $"the checkpoint of step {_store.Steps[0]} is as it was"
        : "there is no checkpoint yet";

    /// <returns>How well the samples lie on their targets, 0 to 1; null when that is not measured.</returns>
    private double? ShowSamples()
    {
        _timer.Pause();
        using IDisposable averages = _optimizer.UseAverages();
        List<IReadOnlyList<RgbImage>> rows = [];
        double fidelity = 0;
        int count = Math.Min(_options.PreviewCount, _data.Count);
        for (int i = 0; i < count; i++)
        {
            TrainingSample sample = _data.Load(i, _options.Width, _options.Height);
            RgbImage drawn = _task.Preview(sample, seed: i);
            rows.Add(sample.Hint is null ? [sample.Target, drawn] : [sample.Hint, sample.Target, drawn]);
            fidelity += SampleFidelity.Of(_options.Fidelity, drawn, sample.Target) / count;
        }

        string samples = Path.Combine(Folder, SamplesName);
        Directory.CreateDirectory(samples);
        SampleGrid.Compose(rows).Save(Path.Combine(samples, $"step-{_step:00000000}.png"));
        _fidelity = _options.Fidelity == FidelityKind.None ? null : fidelity;
        _timer.Start();
        return _fidelity;
    }
}
