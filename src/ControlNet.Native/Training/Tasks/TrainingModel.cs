using System;
using System.Collections.Generic;
using System.IO;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// The parts of a base model, each loaded for the use training makes of it, and the pipeline of the same parts, so that
/// previews are made by the code users run.
/// </summary>
internal sealed class TrainingModel : IDisposable
{
    private TrainingModel(
        StableDiffusion pipeline, ClipTextModel text, UnetModel unet, Autoencoder vae, ModelMaps maps, string source)
    {
        (Pipeline, Text, Unet, Vae, Maps, Source) = (pipeline, text, unet, vae, maps, source);
    }

    public StableDiffusion Pipeline { get; }

    public ClipTextModel Text { get; }

    public UnetModel Unet { get; }

    public Autoencoder Vae { get; }

    /// <summary>Where the parts were loaded from; they know what is trained.</summary>
    public ModelMaps Maps { get; }

    /// <summary>The checkpoint's path.</summary>
    public string Source { get; }

    /// <summary>Loads a model.</summary>
    /// <param name="path">A checkpoint as <see cref="StableDiffusion"/> loads it.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="uses">What is done with the weights of each part.</param>
    /// <param name="options">Tokenizer, configuration, and how weights that are not trained are stored.</param>
    /// <param name="whileOpen">Told the checkpoint before it is closed, to take more from it; or none.</param>
    /// <exception cref="TrainingOptionsException">The options ask for activations that are not F32.</exception>
    public static TrainingModel Load(
        string path, Device device, ModelUses uses, LoadOptions options, Action<Checkpoint>? whileOpen = null)
    {
        if (options.Activations != DType.F32)
        {
            throw new TrainingOptionsException(
                $"Activations is {options.Activations.Name()}, but training computes with F32 activations; leave it " +
                "out");
        }

        using Checkpoint checkpoint = Checkpoint.OpenModel(path, options.ForCheckpoint());
        string? beside = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path));
        ClipTokenizer tokenizer = StableDiffusion.LoadTokenizer(checkpoint, beside, options);
        SchedulerConfig scheduler = StableDiffusion.LoadScheduler(checkpoint);
        ModelMaps maps = new(
            checkpoint.Text!.Map(device, options.WeightStorage).For(uses.Text),
            checkpoint.Unet!.Map(device, options.WeightStorage).For(uses.Unet),
            checkpoint.Vae!.Map(device, options.WeightStorage).For(uses.Vae));
        List<IDisposable> parts = [];
        try
        {
            ClipTextModel text = Loaded(new ClipTextModel(maps.Text, checkpoint.Text.Config));
            UnetModel unet = Loaded(new UnetModel(maps.Unet, checkpoint.Unet.Config, uses.UnetEncoder));
            Autoencoder vae = Loaded(new Autoencoder(maps.Vae, checkpoint.Vae.Config, uses.VaeEncoder));
            whileOpen?.Invoke(checkpoint);
            StableDiffusion pipeline = new(
                device, Checkpoint.NameOf(path), tokenizer, text, unet, vae, scheduler, checkpoint.Report());
            return new TrainingModel(pipeline, text, unet, vae, maps, path);
        }
        catch
        {
            parts.ForEach(part => part.Dispose());
            throw;
        }

        T Loaded<T>(T part) where T : IDisposable
        {
            parts.Add(part);
            return part;
        }
    }

    /// <summary>Frees the parts.</summary>
    public void Dispose() => Pipeline.Dispose();
}

/// <summary>What training does with the weights of each part of a base model.</summary>
/// <param name="Text">Of the text encoder.</param>
/// <param name="Unet">Of the UNet, its encoder excepted.</param>
/// <param name="UnetEncoder">Of the UNet's encoder.</param>
/// <param name="Vae">Of the autoencoder, or of its decoder alone.</param>
/// <param name="VaeEncoder">Of the autoencoder's encoder; null for as the rest.</param>
internal readonly record struct ModelUses(
    WeightUse Text, WeightUse Unet, WeightUse UnetEncoder, WeightUse Vae, WeightUse? VaeEncoder = null);

/// <summary>The weights of each part of a base model.</summary>
internal sealed record ModelMaps(WeightMap Text, WeightMap Unet, WeightMap Vae);
