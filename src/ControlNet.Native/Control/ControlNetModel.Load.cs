using System;
using System.IO;
using System.Threading;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Control;

/// <content>Loading.</content>
public sealed partial class ControlNetModel
{
    /// <summary>Name of the checkpoint: its file without path and extension, or its folder without path.</summary>
    public string Name { get; private set; } = "ControlNet";

    /// <summary>What was recognised and read; null for a network that was built from a map of weights.</summary>
    public LoadReport? Loaded { get; private set; }

    /// <summary>Loads a ControlNet of Stable Diffusion 1.x or 2.x.</summary>
    /// <param name="path">
    /// A folder with <c>config.json</c>, or a <c>.safetensors</c> file in one of three layouts: <c>control_model.*</c>,
    /// the same without its prefix, or diffusers' names.
    /// </param>
    /// <param name="device">Where it computes: that of the model it steers. Must outlive the network.</param>
    /// <param name="options">What the checkpoint does not say itself; null for nothing.</param>
    /// <param name="storage">How convolution and linear weights are kept; null keeps the type of the file.</param>
    /// <param name="growth">
    /// How much larger than stored the weights of convolutions may become so that convolving is a little faster.
    /// </param>
    /// <param name="activations">How it stores what it computes: as the model it steers does.</param>
    /// <param name="progress">Told about every weight read, on this thread.</param>
    /// <param name="cancellation">Ends the load between two weights; nothing stays allocated.</param>
    /// <returns>A network that belongs to the caller and serves any number of models and requests.</returns>
    /// <exception cref="SafeTensorsException">A file is damaged or of another format.</exception>
    /// <exception cref="CheckpointException">It is no ControlNet this library computes, or incomplete.</exception>
    public static ControlNetModel Load(
        string path, Device device, CheckpointOptions? options = null, DType? storage = null,
        WeightGrowth growth = WeightGrowth.None, DType activations = DType.F32,
        IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using Checkpoint checkpoint = Checkpoint.OpenControlNet(path, options);
        return Load(checkpoint, Checkpoint.NameOf(path), device, storage, growth, activations, progress, cancellation);
    }

    /// <summary>Loads a ControlNet from a single file that comes as a stream.</summary>
    /// <param name="stream">The file's bytes; read in full when it cannot seek. Stays open.</param>
    /// <param name="device">Where it computes: that of the model it steers. Must outlive the network.</param>
    /// <param name="options">What the checkpoint does not say itself; null for nothing.</param>
    /// <param name="storage">How convolution and linear weights are kept; null keeps the type of the file.</param>
    /// <param name="growth">
    /// How much larger than stored the weights of convolutions may become so that convolving is a little faster.
    /// </param>
    /// <param name="activations">How it stores what it computes: as the model it steers does.</param>
    /// <param name="progress">Told about every weight read, on this thread.</param>
    /// <param name="cancellation">Ends the load between two weights; nothing stays allocated.</param>
    /// <returns>A network that belongs to the caller and serves any number of models and requests.</returns>
    /// <exception cref="SafeTensorsException">The file is damaged or of another format.</exception>
    /// <exception cref="CheckpointException">It is no ControlNet this library computes, or incomplete.</exception>
    public static ControlNetModel Load(
        Stream stream, Device device, CheckpointOptions? options = null, DType? storage = null,
        WeightGrowth growth = WeightGrowth.None, DType activations = DType.F32,
        IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        using Checkpoint checkpoint = Checkpoint.Open(stream, options, leaveOpen: true);
        checkpoint.RequireControlNet();
        return Load(checkpoint, "stream", device, storage, growth, activations, progress, cancellation);
    }

    /// <summary>Loads a ControlNet from a single file that is in memory.</summary>
    /// <param name="bytes">The file's bytes; not needed any more when this returns.</param>
    /// <param name="device">Where it computes: that of the model it steers. Must outlive the network.</param>
    /// <param name="options">What the checkpoint does not say itself; null for nothing.</param>
    /// <param name="storage">How convolution and linear weights are kept; null keeps the type of the file.</param>
    /// <param name="growth">
    /// How much larger than stored the weights of convolutions may become so that convolving is a little faster.
    /// </param>
    /// <param name="activations">How it stores what it computes: as the model it steers does.</param>
    /// <param name="progress">Told about every weight read, on this thread.</param>
    /// <param name="cancellation">Ends the load between two weights; nothing stays allocated.</param>
    /// <returns>A network that belongs to the caller and serves any number of models and requests.</returns>
    /// <exception cref="SafeTensorsException">The file is damaged or of another format.</exception>
    /// <exception cref="CheckpointException">It is no ControlNet this library computes, or incomplete.</exception>
    public static ControlNetModel Load(
        ReadOnlyMemory<byte> bytes, Device device, CheckpointOptions? options = null, DType? storage = null,
        WeightGrowth growth = WeightGrowth.None, DType activations = DType.F32,
        IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        using Checkpoint checkpoint = Checkpoint.Open(bytes, options);
        checkpoint.RequireControlNet();
        return Load(checkpoint, "memory", device, storage, growth, activations, progress, cancellation);
    }

    private static ControlNetModel Load(
        Checkpoint checkpoint, string name, Device device, DType? storage, WeightGrowth growth, DType activations,
        IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(device);
        CheckpointPart<ControlNetConfig> part = checkpoint.ControlNet!;
        LoadTracker tracker = new(part.ByteCount, progress, cancellation);
        using DeviceReservation turn = device.Reserve(cancellation);
        WeightMap map = part.Map(device, storage, growth, tracker.For("controlnet")).WithActivations(activations);
        ControlNetModel net = new(map, part.Config);
        (net.Name, net.Loaded) = (name, checkpoint.Report());
        return net;
    }
}
