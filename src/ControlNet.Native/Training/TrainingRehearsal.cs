using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>Runs the first steps of a training run, and its samples, on a device that only plans.</summary>
internal static class TrainingRehearsal
{
    /// <summary>
    /// After so many steps memory has seen everything it will see: the second finds the blocks of the first.
    /// </summary>
    private const int Steps = 2;

    /// <summary>Batches of a step, and sampler steps of a sample, after which the rest takes the same.</summary>
    private const int Repeats = 2;

    /// <summary>Finds out what a run would take.</summary>
    /// <param name="device">Where it would compute.</param>
    /// <param name="options">Of the run.</param>
    /// <param name="data">Of the run; no picture is read.</param>
    /// <param name="load">Loads the task with these options on this device.</param>
    public static TrainingMemory Run(
        Device device, TrainingOptions options, TrainingFolder data,
        Func<Device, TrainingOptions, TrainingTask> load)
    {
        TrainingOptions few = options with
        {
            Accumulation = Math.Min(options.Accumulation, Repeats),
            PreviewSteps = Math.Min(options.PreviewSteps, Repeats),
        };
        using Device planner = device.ForPlanning();
        using TrainingTask task = load(planner, few);
        long weights = planner.BytesInUse;
        using AdamWOptimizer optimizer = new(task.Groups, few.EmaDecay);
        long state = planner.BytesInUse - weights;
        using TrainingStep step = new(task, few, optimizer);
        TrainingSample blank = Blank(few, data);
        TrainingBatch batch = new(
            [.. Enumerable.Repeat(blank, few.BatchSize)], [.. Enumerable.Repeat(0, few.BatchSize)], 0);
        for (int i = 0; i < Steps; i++)
        {
            step.Take(i, 0, _ => batch, CancellationToken.None);
        }

        if (few.PreviewEvery > 0)
        {
            using (optimizer.UseAverages())
            {
                task.Preview(blank, seed: 0);
            }

            step.Take(Steps, 0, _ => batch, CancellationToken.None);
        }

        return new TrainingMemory(weights, state, planner.PeakBytes, task.CacheBytes(data));
    }

    private static TrainingSample Blank(TrainingOptions options, TrainingFolder data)
    {
        RgbImage image = new(options.Width, options.Height, new byte[3 * options.Width * options.Height]);
        return new TrainingSample(image, data.Options.NeedsHints ? image : null, data.Prompt(0));
    }
}
