using System;
using System.Collections.Generic;
using System.Globalization;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>What a training run does, whatever it trains. The same options and data give the same weights, bit for bit,
/// on any number of threads.</summary>
public abstract record TrainingOptions
{
    /// <summary>Optimiser steps of the whole run.</summary>
    public long Steps { get; init; } = 1000;

    /// <summary>Samples that are computed together; memory grows with it.</summary>
    public int BatchSize { get; init; } = 4;

    /// <summary>Batches whose gradients are averaged into one optimiser step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Learning rate over the steps.</summary>
    public LearningRateSchedule Schedule { get; init; } = new();

    /// <summary>Decay of AdamW's mean of gradients.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of AdamW's mean of squared gradients.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of that mean.</summary>
    public double Eps { get; init; } = 1e-8;

    /// <summary>Share of a weight that is taken off each step, times the learning rate.</summary>
    public double WeightDecay { get; init; } = 1e-2;

    /// <summary>
    /// Longer gradients are shortened to this length, over all weights together; 0 never shortens, and then, without
    /// accumulation, the weights are stepped during the backward pass, which saves the memory of their gradients. A
    /// gradient that is not finite ends such a step where it is found: the weights after it stay as they were.
    /// </summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>How much of itself the moving average of the weights keeps each step; 0 for no average.</summary>
    public double EmaDecay { get; init; }

    /// <summary>Seed of everything random.</summary>
    public long Seed { get; init; }

    /// <summary>Width of the pictures in pixels, a multiple of 8.</summary>
    public int Width { get; init; } = 512;

    /// <summary>Height of the pictures in pixels, a multiple of 8.</summary>
    public int Height { get; init; } = 512;

    /// <summary>Probability that the prompt of a sample is dropped, each sample drawn anew.</summary>
    public double PromptDrop { get; init; } = 0.5;

    /// <summary>
    /// The least timestep that is drawn, from 0: the clearest pictures. Timesteps are uniform from here to
    /// <see cref="MaxTimestep"/>; those of much noise alone teach what only the prompt and the hint can tell.
    /// </summary>
    public int MinTimestep { get; init; }

    /// <summary>The largest timestep that is drawn; null for the last of the model's schedule.</summary>
    public int? MaxTimestep { get; init; }

    /// <summary>Whether a picture is encoded once and its posterior kept in memory.</summary>
    public bool CacheLatents { get; init; }

    /// <summary>Whether a prompt is encoded once and its states are kept in memory.</summary>
    public bool CacheText { get; init; }

    /// <summary>Whether the inside of blocks is computed again in the backward pass, to save memory.</summary>
    public bool Recompute { get; init; }

    /// <summary>Optimiser steps between two checkpoints; the last step always has one.</summary>
    public int SaveEvery { get; init; } = 500;

    /// <summary>Checkpoints kept, from 2.</summary>
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>Optimiser steps between two grids of samples; 0 for none.</summary>
    public int PreviewEvery { get; init; } = 500;

    /// <summary>
    /// Samples of a grid: the first of the dataset. They are drawn with the moving average of the weights, where there
    /// is one.
    /// </summary>
    public int PreviewCount { get; init; } = 4;

    /// <summary>Sampler steps of a sample.</summary>
    public int PreviewSteps { get; init; } = 20;

    /// <summary>Guidance scale of a sample.</summary>
    public float PreviewGuidanceScale { get; init; } = 9;

    /// <summary>How the samples are measured.</summary>
    public FidelityKind Fidelity { get; init; } = FidelityKind.Edges;

    /// <summary>
    /// Steps in a row that may be skipped because loss or gradient was not finite; one more ends the run.
    /// </summary>
    public int MaxSkippedInARow { get; init; } = 10;

    /// <summary>Element type of the exported weights.</summary>
    public DType ExportType { get; init; } = DType.F32;

    /// <summary>Checks every value.</summary>
    /// <exception cref="TrainingOptionsException">
    /// One is out of its range; the message names it and the range.
    /// </exception>
    public virtual void Validate()
    {
        Require(nameof(Steps), Steps, 1, long.MaxValue);
        Require(nameof(BatchSize), BatchSize, 1, 4096);
        Require(nameof(Accumulation), Accumulation, 1, 4096);
        Schedule.Validate(Steps);
        Require(nameof(Beta1), Beta1, 0, 0.9999999);
        Require(nameof(Beta2), Beta2, 0, 0.9999999);
        Require(nameof(Eps), Eps, 0, 1);
        Require(nameof(WeightDecay), WeightDecay, 0, 1);
        Require(nameof(ClipNorm), ClipNorm, 0, double.MaxValue);
        Require(nameof(EmaDecay), EmaDecay, 0, 0.9999999);
        Require(nameof(Seed), Seed, 0, long.MaxValue);
        Require(nameof(Width), Width, 8, ImageRequest.MaxSize);
        Require(nameof(Height), Height, 8, ImageRequest.MaxSize);
        Require(nameof(PromptDrop), PromptDrop, 0, 1);
        Require(nameof(MinTimestep), MinTimestep, 0, int.MaxValue - 1);
        Require(nameof(MaxTimestep), MaxTimestep ?? MinTimestep, MinTimestep, int.MaxValue - 1);
        Require(nameof(SaveEvery), SaveEvery, 1, int.MaxValue);
        Require(nameof(KeepCheckpoints), KeepCheckpoints, TrainingStore.FewestKept, 1000);
        Require(nameof(PreviewEvery), PreviewEvery, 0, int.MaxValue);
        Require(nameof(PreviewCount), PreviewCount, 1, 64);
        Require(nameof(PreviewSteps), PreviewSteps, 1, 1000);
        Require(nameof(PreviewGuidanceScale), PreviewGuidanceScale, 0, 100);
        Require(nameof(MaxSkippedInARow), MaxSkippedInARow, 0, int.MaxValue);
        RequireMultipleOf8(nameof(Width), Width);
        RequireMultipleOf8(nameof(Height), Height);
        RequireDefined(nameof(Fidelity), Fidelity);

        if (ExportType is not (DType.F32 or DType.F16 or DType.BF16))
        {
            throw new TrainingOptionsException($"ExportType is {ExportType}, but must be F32, F16 or BF16");
        }
    }

    /// <summary>The options that decide what the weights become; a run is resumed with the same ones only.</summary>
    internal virtual IEnumerable<string> Fingerprint() =>
    [
        $"batch {BatchSize}", $"accumulation {Accumulation}",
        $"schedule {Schedule.Fingerprint()}",
        string.Create(CultureInfo.InvariantCulture, $"betas {Beta1} {Beta2}"),
        string.Create(CultureInfo.InvariantCulture, $"eps {Eps}"),
        string.Create(CultureInfo.InvariantCulture, $"weight decay {WeightDecay}"),
        string.Create(CultureInfo.InvariantCulture, $"clip {ClipNorm}"),
        string.Create(CultureInfo.InvariantCulture, $"ema {EmaDecay}"),
        $"seed {Seed}", $"size {Width} x {Height}",
        string.Create(CultureInfo.InvariantCulture, $"prompt drop {PromptDrop}"),
        .. MinTimestep == 0 && MaxTimestep is null
            ? (ReadOnlySpan<string>)[]
            : [$"timesteps {MinTimestep} to {MaxTimestep?.ToString(CultureInfo.InvariantCulture) ?? "last"}"],
    ];

    private protected static void RequireDefined<T>(string name, T value)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            throw new TrainingOptionsException(
                $"{name} is {value}, but must be one of {string.Join(", ", Enum.GetNames<T>())}");
        }
    }

    private static void RequireMultipleOf8(string name, int pixels)
    {
        if (pixels % 8 != 0)
        {
            throw new TrainingOptionsException($"{name} is {pixels}, but must be a multiple of 8 pixels");
        }
    }

    internal static void Require(string name, double value, double low, double high)
    {
        // Written so that NaN fails.
        if (!(value >= low && value <= high))
        {
            throw new TrainingOptionsException(FormattableString.Invariant(
                $"{name} is {value}, but must be from {low} to {high}"));
        }
    }
}
