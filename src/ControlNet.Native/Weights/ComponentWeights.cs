using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>The weights of one model of a checkpoint under the names diffusers (or transformers) gives them.</summary>
internal class ComponentWeights
{
    private readonly Dictionary<string, WeightSlot> _slots;
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);
    private readonly List<Parameter> _parameters = [];

    /// <param name="source">What messages call the checkpoint: a path or a given name.</param>
    /// <param name="slots">Where each weight lies.</param>
    public ComponentWeights(string source, Dictionary<string, WeightSlot> slots)
    {
        Source = source;
        _slots = slots;
    }

    public string Source { get; }

    public IReadOnlyDictionary<string, WeightSlot> Slots => _slots;

    /// <summary>Names some module has taken.</summary>
    public IReadOnlySet<string> Taken => _taken;

    /// <summary>What modules took to be trained, in that order.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Told the bytes of each weight right after it was read.</summary>
    public Action<long>? OnRead { get; set; }

    /// <summary>Where a weight lies that the model wants in a shape; null where there is none of that name.</summary>
    public virtual WeightSlot? Find(string name, Shape expected) => _slots.GetValueOrDefault(name);

    public void AddParameter(string name, Tensor value) => _parameters.Add(new Parameter(name, value));

    public void MarkTaken(string name)
    {
        _taken.Add(name);
        OnRead?.Invoke(_slots[name].ByteCount);
    }
}
