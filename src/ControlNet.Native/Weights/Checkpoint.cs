using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>
/// An open checkpoint: a diffusers folder, a component folder of one, or a safetensors file in the original or the
/// diffusers layout. Models are recognised by the names and shapes of their tensors; the network is never asked.
/// Opening reads headers and configurations only; weights are read through <see cref="CheckpointPart{TConfig}.Map"/>,
/// for which the checkpoint must stay open.
/// </summary>
public sealed partial class Checkpoint : IDisposable
{
    private readonly CheckpointOptions _options;
    private readonly List<OpenSet> _sets = [];

    private Checkpoint(string source, CheckpointLayout layout, CheckpointOptions options) =>
        (Source, Layout, _options) = (source, layout, options);

    /// <summary>The path, or the name given with the stream or memory.</summary>
    public string Source { get; }

    /// <summary>The sets of tensors: one for each component folder, or that of the file.</summary>
    internal IReadOnlyList<OpenSet> Sets => _sets;

    /// <summary>How it is laid out.</summary>
    public CheckpointLayout Layout { get; }

    /// <summary>The UNet; null when the checkpoint has none.</summary>
    public CheckpointPart<UnetConfig>? Unet { get; private set; }

    /// <summary>The autoencoder; null when the checkpoint has none.</summary>
    public CheckpointPart<VaeConfig>? Vae { get; private set; }

    /// <summary>The text encoder; null when the checkpoint has none.</summary>
    public CheckpointPart<ClipTextConfig>? Text { get; private set; }

    /// <summary>The ControlNet; null when the checkpoint has none.</summary>
    public CheckpointPart<ControlNetConfig>? ControlNet { get; private set; }

    /// <summary>The folder with <c>vocab.json</c> and <c>merges.txt</c>; null when there is none.</summary>
    public string? TokenizerFolder { get; private set; }

    /// <summary>Path of <c>scheduler_config.json</c>; null when there is none.</summary>
    public string? SchedulerConfigPath { get; private set; }

    /// <summary>Opens any checkpoint with at least one model this library computes.</summary>
    /// <param name="path">A folder, a <c>.safetensors</c> file, or the <c>.index.json</c> of a split one.</param>
    /// <param name="options">What the caller knows better than the file; null for nothing.</param>
    /// <exception cref="SafeTensorsException">A file is damaged or of another format.</exception>
    /// <exception cref="CheckpointException">
    /// It is of a kind this library does not compute; the message says which.
    /// </exception>
    public static Checkpoint Open(string path, CheckpointOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Directory.Exists(path)
            ? OpenFolder(path, options)
            : Fill(
                new Checkpoint(path, CheckpointLayout.SingleFile, Valid(options)),
                checkpoint => checkpoint.Add(
                    TensorFiles.OpenFile(path), Path.GetDirectoryName(Path.GetFullPath(path))));
    }

    /// <summary>
    /// Opens a single file that comes as a stream; see <see cref="SafeTensorsFile.Open(Stream, bool, string)"/>.
    /// </summary>
    /// <param name="stream">The file's bytes, from the current position on.</param>
    /// <param name="options">What the caller knows better than the file; null for nothing.</param>
    /// <param name="leaveOpen">Whether <see cref="Dispose"/> leaves the stream open.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="SafeTensorsException">It is damaged or of another format.</exception>
    /// <exception cref="CheckpointException">
    /// It is of a kind this library does not compute; the message says which.
    /// </exception>
    public static Checkpoint Open(
        Stream stream, CheckpointOptions? options = null, bool leaveOpen = false, string name = "stream") =>
        Fill(new Checkpoint(name, CheckpointLayout.SingleFile, Valid(options)), checkpoint =>
            checkpoint.Add(TensorFiles.Single(SafeTensorsFile.Open(stream, leaveOpen, name)), null));

    /// <summary>Opens a single file that is in memory. The memory is not copied and must not change.</summary>
    /// <param name="bytes">The file's bytes.</param>
    /// <param name="options">What the caller knows better than the file; null for nothing.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="SafeTensorsException">It is damaged or of another format.</exception>
    /// <exception cref="CheckpointException">
    /// It is of a kind this library does not compute; the message says which.
    /// </exception>
    public static Checkpoint Open(
        ReadOnlyMemory<byte> bytes, CheckpointOptions? options = null, string name = "memory") =>
        Fill(new Checkpoint(name, CheckpointLayout.SingleFile, Valid(options)), checkpoint =>
            checkpoint.Add(TensorFiles.Single(SafeTensorsFile.Open(bytes, name)), null));

    /// <summary>Closes its files. Weights already taken are not affected.</summary>
    public void Dispose()
    {
        foreach (OpenSet set in _sets)
        {
            set.Files.Dispose();
        }
    }

    private static CheckpointOptions Valid(CheckpointOptions? options) =>
        options?.PredictionType is null or "epsilon" or "v_prediction" or "sample"
            ? options ?? new CheckpointOptions()
            : throw new CheckpointException(
                $"{nameof(CheckpointOptions)}.{nameof(CheckpointOptions.PredictionType)} is " +
                $"'{options.PredictionType}', it must be epsilon, v_prediction or sample");

    private static Checkpoint Fill(Checkpoint checkpoint, Action<Checkpoint> add)
    {
        try
        {
            add(checkpoint);
            checkpoint.FindCompanions(checkpoint._options.ConfigsFrom);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    private static Checkpoint OpenFolder(string path, CheckpointOptions? options)
    {
        if (Directory.Exists(Path.Combine(path, "text_encoder_2")))
        {
            throw new CheckpointException(
                $"{MessageText.Name(path)}: has a second text encoder (Stable Diffusion XL); " +
                "this library computes Stable Diffusion 1.x and 2.x");
        }

        if (TensorFiles.HasWeights(path))
        {
            return Fill(new Checkpoint(path, CheckpointLayout.DiffusersComponent, Valid(options)), checkpoint =>
                checkpoint.Add(TensorFiles.OpenFolder(path), path));
        }

        string[] parts = [.. s_folders.Values.Select(name => Path.Combine(path, name)).Where(Directory.Exists)];
        if (parts.Length == 0)
        {
            throw new CheckpointException(
                $"{MessageText.Name(path)}: is neither a diffusers folder (with unet, vae, text_encoder or " +
                "controlnet in it) nor a component folder (with diffusion_pytorch_model.safetensors or " +
                "model.safetensors in it)");
        }

        return Fill(new Checkpoint(path, CheckpointLayout.DiffusersPipeline, Valid(options)), checkpoint =>
        {
            foreach (string part in parts)
            {
                checkpoint.Add(TensorFiles.OpenFolder(part), part);
            }

            checkpoint.FindCompanions(path);
        });
    }

    private void FindCompanions(string? folder)
    {
        if (folder is null)
        {
            return;
        }

        string tokenizer = Path.Combine(folder, "tokenizer");
        TokenizerFolder ??= File.Exists(Path.Combine(tokenizer, "vocab.json")) ? tokenizer : null;
        string scheduler = Path.Combine(folder, "scheduler", "scheduler_config.json");
        SchedulerConfigPath ??= File.Exists(scheduler) ? scheduler : null;
    }

    /// <summary>A set of tensors, the names in it that belong to a model, and those models.</summary>
    /// <param name="Files">The tensors.</param>
    /// <param name="Folder">The folder they lie in; null for a stream or memory.</param>
    internal sealed record OpenSet(TensorFiles Files, string? Folder)
    {
        public HashSet<string> Claimed { get; } = new(StringComparer.Ordinal);

        public List<(DetectedModel Model, ComponentWeights Weights)> Models { get; } = [];
    }
}
