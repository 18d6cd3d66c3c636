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
        options.Validate();
        return TrainerFactory.Open(
            () => new AutoencoderTask(baseModel, device, options, load ?? new LoadOptions()), options, data, folder,
            resume);
    }

    /// <summary>Opens a run that trains the UNet, with the text encoder or without.</summary>
    /// <inheritdoc cref="ControlNetTrainer.Open"/>
    public static Trainer OpenDenoiser(
        string baseModel, TrainingFolder data, string folder, Device device, DenoiserTrainingOptions options,
        LoadOptions? load = null, bool resume = false)
    {
        options.Validate();
        return TrainerFactory.Open(
            () => new DenoiserTask(baseModel, device, options, load ?? new LoadOptions()), options, data, folder,
            resume);
    }
}
