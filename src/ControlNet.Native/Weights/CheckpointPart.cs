using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>One model of an open checkpoint: what it is built from, and its weights.</summary>
/// <typeparam name="TConfig">Its kind of configuration, for example <see cref="UnetConfig"/>.</typeparam>
public sealed class CheckpointPart<TConfig>
    where TConfig : class
{
    private readonly ComponentWeights _weights;
    private readonly Func<TConfig> _findConfig;
    private TConfig? _config;

    internal CheckpointPart(ComponentWeights weights, Func<TConfig> findConfig)
    {
        _weights = weights;
        _findConfig = findConfig;
    }

    /// <summary>What the model is built from.</summary>
    /// <exception cref="CheckpointException">
    /// The configuration asks for what this library does not compute, or there is none and the weights do not tell it.
    /// </exception>
    public TConfig Config => _config ??= _findConfig();

    /// <summary>Where its weights lie.</summary>
    internal ComponentWeights Weights => _weights;

    /// <summary>Bytes its weights take in the file.</summary>
    public long ByteCount => _weights.Slots.Values.Sum(slot => slot.ByteCount);

    /// <summary>The names of its weights, as diffusers gives them.</summary>
    public IEnumerable<string> Names => _weights.Slots.Keys;

    /// <summary>Elements of all its weights together.</summary>
    public long ParameterCount => _weights.Slots.Values.Sum(slot => slot.Count);

    /// <summary>The element types its weights are stored in, as safetensors names them, sorted.</summary>
    public IReadOnlyList<string> ElementTypes =>
        [.. _weights.Slots.Values.Select(slot => slot.Entry.DType).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>
    /// A view to load the model through. What is taken is noted in the checkpoint's <see cref="LoadReport"/>.
    /// </summary>
    /// <param name="device">Where the weights go.</param>
    /// <param name="storage">How packed weights are kept; null keeps the type of the file.</param>
    /// <param name="growth">How much the weights of convolutions may grow to be faster.</param>
    /// <param name="onRead">Told the bytes of each weight right after it was read; an exception ends the load.</param>
    public WeightMap Map(
        Device device, DType? storage = null, WeightGrowth growth = WeightGrowth.None, Action<long>? onRead = null)
    {
        _weights.OnRead = onRead;
        return new WeightMap(_weights, device, storage, growth);
    }
}
