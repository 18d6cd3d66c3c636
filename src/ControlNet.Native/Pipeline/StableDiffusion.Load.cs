using System;
using System.IO;
using System.Threading;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Native;

/// <content>Loading.</content>
public sealed partial class StableDiffusion
{
    private const string BpeFile = "bpe_simple_vocab_16e6.txt.gz";

    /// <summary>Loads a checkpoint of Stable Diffusion 1.x or 2.x.</summary>
    /// <param name="path">A diffusers folder, or a <c>.safetensors</c> file in the original layout.</param>
    /// <param name="device">Where it computes; must outlive the model.</param>
    /// <param name="options">What the checkpoint does not say itself; null for nothing.</param>
    /// <param name="progress">Told about every weight read, on this thread.</param>
    /// <param name="cancellation">Ends the load between two weights; nothing stays allocated.</param>
    /// <returns>A model that belongs to the caller.</returns>
    /// <exception cref="SafeTensorsException">A file is damaged or of another format.</exception>
    /// <exception cref="CheckpointException">It is of a kind this library does not compute, or incomplete.</exception>
    /// <exception cref="TokenizerException">There is no vocabulary, or it is damaged.</exception>
    /// <exception cref="DeviceException">The device does not compute with the activations asked for.</exception>
    public static StableDiffusion Load(
        string path, Device device, LoadOptions? options = null, IProgress<LoadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new LoadOptions();
        using Checkpoint checkpoint = Checkpoint.OpenModel(path, options.ForCheckpoint());
        string name = Checkpoint.NameOf(path);
        string? beside = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path));
        return Load(checkpoint, name, beside, device, options, progress, cancellation);
    }

    /// <summary>Loads a single-file checkpoint that comes as a stream, from an archive for example.</summary>
    /// <param name="stream">The file's bytes; read in full when it cannot seek. Stays open.</param>
    /// <param name="device">Where it computes; must outlive the model.</param>
    /// <param name="options">Names the tokenizer at least, which a stream does not carry.</param>
    /// <param name="progress">Told about every weight read, on this thread.</param>
    /// <param name="cancellation">Ends the load between two weights; nothing stays allocated.</param>
    /// <returns>A model that belongs to the caller.</returns>
    /// <inheritdoc cref="Load(string, Device, LoadOptions?, IProgress{LoadProgress}?, CancellationToken)"/>
    public static StableDiffusion Load(
        Stream stream, Device device, LoadOptions options, IProgress<LoadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        using Checkpoint checkpoint = Checkpoint.Open(stream, options.ForCheckpoint(), leaveOpen: true);
        return Load(checkpoint, "stream", beside: null, device, options, progress, cancellation);
    }

    /// <summary>Loads a single-file checkpoint that is in memory.</summary>
    /// <param name="bytes">The file's bytes; not needed any more when this returns.</param>
    /// <param name="device">Where it computes; must outlive the model.</param>
    /// <param name="options">Names the tokenizer at least, which the bytes do not carry.</param>
    /// <param name="progress">Told about every weight read, on this thread.</param>
    /// <param name="cancellation">Ends the load between two weights; nothing stays allocated.</param>
    /// <returns>A model that belongs to the caller.</returns>
    /// <inheritdoc cref="Load(string, Device, LoadOptions?, IProgress{LoadProgress}?, CancellationToken)"/>
    public static StableDiffusion Load(
        ReadOnlyMemory<byte> bytes, Device device, LoadOptions options, IProgress<LoadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        using Checkpoint checkpoint = Checkpoint.Open(bytes, options.ForCheckpoint());
        return Load(checkpoint, "memory", beside: null, device, options, progress, cancellation);
    }

    private static StableDiffusion Load(
        Checkpoint checkpoint, string name, string? beside, Device device, LoadOptions options,
        IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(device);
        device.RequireActivations(options.Activations);
        checkpoint.RequireModel();

        // What is small and most often wrong comes before gigabytes are read.
        ClipTokenizer tokenizer = LoadTokenizer(checkpoint, beside, options);
        SchedulerConfig scheduler = LoadScheduler(checkpoint);
        long bytes = checkpoint.Text!.ByteCount + checkpoint.Unet!.ByteCount + checkpoint.Vae!.ByteCount;
        LoadTracker tracker = new(bytes, progress, cancellation);

        using DeviceReservation turn = device.Reserve(cancellation);
        ClipTextModel? text = null;
        UnetModel? unet = null;
        try
        {
            DType? storage = options.WeightStorage;
            WeightGrowth growth = options.WeightGrowth ?? WeightGrowth.None;
            text = new ClipTextModel(Map(checkpoint.Text, "text encoder"), checkpoint.Text.Config);
            unet = new UnetModel(Map(checkpoint.Unet, "unet"), checkpoint.Unet.Config);
            Autoencoder vae = new(Map(checkpoint.Vae, "vae"), checkpoint.Vae.Config)
            {
                InBands = options.TileVae ?? false,
            };

            WeightMap Map<TConfig>(CheckpointPart<TConfig> part, string what)
                where TConfig : class =>
                part.Map(device, storage, growth, tracker.For(what)).WithActivations(options.Activations);

            return new StableDiffusion(device, name, tokenizer, text, unet, vae, scheduler, checkpoint.Report());
        }
        catch
        {
            unet?.Dispose();
            text?.Dispose();
            throw;
        }
    }

    internal static ClipTokenizer LoadTokenizer(Checkpoint checkpoint, string? beside, LoadOptions options)
    {
        ClipTokenizer tokenizer = ClipTokenizer.Load(
            options.Tokenizer ?? checkpoint.TokenizerFolder ?? FindTokenizer(beside) ?? throw new TokenizerException(
                $"{checkpoint.Source} carries no tokenizer; name one with LoadOptions.Tokenizer (--tokenizer): " +
                $"a folder with vocab.json and merges.txt, or {BpeFile}"));

        // OpenCLIP pads with 0, OpenAI's tokenizer with the end token; a folder says so itself, a single file cannot.
        bool isOpenClip = checkpoint.Version == ModelVersion.StableDiffusion2;
        bool saysSo = checkpoint.Layout != CheckpointLayout.SingleFile;
        tokenizer = isOpenClip && !saysSo ? tokenizer.WithPadId(0) : tokenizer;
        int rows = checkpoint.Text!.Config.VocabSize;
        return tokenizer.VocabularySize <= rows
            ? tokenizer
            : throw new TokenizerException(
                $"the tokenizer has {tokenizer.VocabularySize} tokens, the text encoder of {checkpoint.Source} knows " +
                $"{rows}; take the tokenizer that belongs to the model");
    }

    private static string? FindTokenizer(string? folder)
    {
        if (folder is null)
        {
            return null;
        }

        string[] places = [Path.Combine(folder, "tokenizer"), folder];
        foreach (string place in places)
        {
            if (File.Exists(Path.Combine(place, "vocab.json")) && File.Exists(Path.Combine(place, "merges.txt")))
            {
                return place;
            }
        }

        string file = Path.Combine(folder, BpeFile);
        return File.Exists(file) ? file : null;
    }

    internal static SchedulerConfig LoadScheduler(Checkpoint checkpoint)
    {
        SchedulerConfig config = checkpoint.SchedulerConfigPath is string path
            ? SchedulerConfig.FromJson(path)
            : SchedulerConfig.StableDiffusion15;
        return config with
        {
            Prediction = checkpoint.PredictionType switch
            {
                "v_prediction" => PredictionType.Velocity,
                "sample" => PredictionType.Sample,
                _ => PredictionType.Epsilon,
            },
        };
    }
}
