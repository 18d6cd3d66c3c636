using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>
/// Trains the parts of a base model: first the autoencoder, then the UNet and the text encoder together in its latents.
/// Begins from a folder in diffusers' layout, trained before or made by <see cref="NewModel"/>.
/// </summary>
public static class BaseTrainer
{
    /// <summary>Opens a run that trains the autoencoder.</summary>
    /// <inheritdoc cref="ControlNetTrainer.Open"/>
    public static Trainer OpenAutoencoder(
        string baseModel, TrainingFolder data, string folder, Device device, AutoencoderTrainingOptions options,
        LoadOptions? load = null, bool resume = false)
    {
        Check(data, options);
        TrainerFactory.RequireCopyable(baseModel, folder);
        load ??= new LoadOptions();
        return TrainerFactory.Open(
            () => new AutoencoderTask(baseModel, device, options, load), options, data, folder, load, resume);
    }

    /// <summary>Opens a run that trains the UNet, with the text encoder or without.</summary>
    /// <inheritdoc cref="ControlNetTrainer.Open"/>
    public static Trainer OpenDenoiser(
        string baseModel, TrainingFolder data, string folder, Device device, DenoiserTrainingOptions options,
        LoadOptions? load = null, bool resume = false)
    {
        Check(data, options);
        TrainerFactory.RequireCopyable(baseModel, folder);
        load ??= new LoadOptions();
        return TrainerFactory.Open(
            () => new DenoiserTask(baseModel, device, options, load), options, data, folder, load, resume);
    }

    /// <summary>Finds out what training the autoencoder would take.</summary>
    /// <inheritdoc cref="ControlNetTrainer.EstimateMemory"/>
    public static TrainingMemory EstimateMemory(
        string baseModel, TrainingFolder data, Device device, AutoencoderTrainingOptions options,
        LoadOptions? load = null)
    {
        Check(data, options);
        ArgumentNullException.ThrowIfNull(device);
        return TrainingRehearsal.Run(device, options, data, (planner, few) => new AutoencoderTask(
            baseModel, planner, (AutoencoderTrainingOptions)few, load ?? new LoadOptions()));
    }

    /// <summary>Finds out what training the UNet would take, with the text encoder or without.</summary>
    /// <inheritdoc cref="ControlNetTrainer.EstimateMemory"/>
    public static TrainingMemory EstimateMemory(
        string baseModel, TrainingFolder data, Device device, DenoiserTrainingOptions options,
        LoadOptions? load = null)
    {
        Check(data, options);
        ArgumentNullException.ThrowIfNull(device);
        return TrainingRehearsal.Run(device, options, data, (planner, few) => new DenoiserTask(
            baseModel, planner, (DenoiserTrainingOptions)few, load ?? new LoadOptions()));
    }

    private static void Check(TrainingFolder data, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
    }
}
