using System;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// Trains ControlNets: a trainable copy of a frozen UNet's encoder with zero convolutions learns to follow hints.
/// Source: Zhang et al., 2023, arXiv:2302.05543.
/// </summary>
public static class ControlNetTrainer
{
    /// <summary>Loads the base model, makes the copy, and opens the folder of the run.</summary>
    /// <param name="baseModel">Checkpoint of the base model, as <see cref="StableDiffusion"/> loads it.</param>
    /// <param name="data">Pictures, hints and prompts.</param>
    /// <param name="folder">The folder of the run; made when it does not exist.</param>
    /// <param name="device">Where it computes. Must outlive the trainer.</param>
    /// <param name="options">What to do.</param>
    /// <param name="load">
    /// How the base model is loaded; frozen weights keep their type unless it says otherwise.
    /// </param>
    /// <param name="resume">Go on from the newest whole checkpoint of the folder, where there is one.</param>
    /// <returns>The run, to be disposed; it holds the folder until then.</returns>
    /// <exception cref="TrainingOptionsException">
    /// An option is out of its range, the data was opened without hints, or a base whose decoder is trained is no
    /// folder.
    /// </exception>
    /// <exception cref="CheckpointException">The base model cannot be loaded.</exception>
    /// <exception cref="TrainingStateException">
    /// Another trainer has the folder, or it holds a run that is not to be resumed.
    /// </exception>
    public static Trainer Open(
        string baseModel, TrainingFolder data, string folder, Device device, ControlNetTrainingOptions options,
        LoadOptions? load = null, bool resume = false)
    {
        Check(data, options);
        if (!options.LockBase)
        {
            TrainerFactory.RequireCopyable(baseModel, folder);
        }

        load ??= new LoadOptions();
        return TrainerFactory.Open(
            () => new ControlNetTask(baseModel, device, options, load), options, data, folder, load, resume);
    }

    /// <summary>
    /// The ControlNet a run begins with: the copy of the UNet's encoder and zero convolutions, which change nothing
    /// yet.
    /// </summary>
    /// <param name="baseModel">Checkpoint of the base model.</param>
    /// <param name="device">Where it computes. Must outlive the network.</param>
    /// <param name="variant">What it is made of.</param>
    /// <param name="seed">Of the hint encoder's first weights.</param>
    /// <param name="load">How the base model is loaded.</param>
    /// <returns>A network that belongs to the caller.</returns>
    /// <exception cref="CheckpointException">The base model cannot be loaded.</exception>
    public static ControlNetModel FromUnet(
        string baseModel, Device device, ControlNetVariant variant = ControlNetVariant.Standard, long seed = 0,
        LoadOptions? load = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        using Checkpoint checkpoint = Checkpoint.OpenModel(baseModel, (load ?? new LoadOptions()).ForCheckpoint());
        ControlNetConfig config = ControlNetStart.ConfigFor(checkpoint.Unet!.Config, variant);
        ComponentWeights weights = ControlNetStart.From(
            checkpoint.Unet, config, new TrainingRandom((ulong)seed), variant);
        return new ControlNetModel(new WeightMap(weights, device, DType.F32), config);
    }

    /// <summary>Finds out what a run would take; nothing is read but configurations and names.</summary>
    /// <inheritdoc cref="Open"/>
    /// <returns>The memory, within 10 % of what the run then measures.</returns>
    public static TrainingMemory EstimateMemory(
        string baseModel, TrainingFolder data, Device device, ControlNetTrainingOptions options,
        LoadOptions? load = null)
    {
        Check(data, options);
        ArgumentNullException.ThrowIfNull(device);
        return TrainingRehearsal.Run(device, options, data, (planner, few) => new ControlNetTask(
            baseModel, planner, (ControlNetTrainingOptions)few, load ?? new LoadOptions()));
    }

    private static void Check(TrainingFolder data, ControlNetTrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (!data.Options.NeedsHints)
        {
            throw new TrainingOptionsException(
                "the data was opened without hints, which a ControlNet learns from; open it with NeedsHints");
        }
    }
}
