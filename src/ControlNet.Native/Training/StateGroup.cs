using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>Tensors of a training state that are saved in one file: weights, or one kind of moment.</summary>
public sealed class StateGroup
{
    private readonly List<SafeTensorsItem> _items = [];
    private readonly StateStaging _staging;

    internal StateGroup(string name, StateStaging staging)
    {
        (Name, _staging) = (name, staging);
    }

    /// <summary>Stem of the file.</summary>
    public string Name { get; }

    internal IReadOnlyList<SafeTensorsItem> Items => _items;

    /// <summary>
    /// Adds a tensor of a device. It stays the caller's, who keeps it alive and unchanged until the state is saved.
    /// </summary>
    /// <param name="name">Its name in the file; each once.</param>
    /// <param name="tensor">F32, F16, BF16 or I32, any shape, at most 2 GiB.</param>
    public void Add(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        long[] shape = [.. Enumerable.Range(0, tensor.Shape.Rank).Select(axis => (long)tensor.Shape[axis])];
        Add(name, tensor.DType, shape, () => _staging.Download(tensor));
    }

    /// <summary>Adds a tensor in the memory of the host.</summary>
    /// <param name="name">Its name in the file; each once.</param>
    /// <param name="type">How its elements are stored.</param>
    /// <param name="shape">Extents, outermost first; empty for a scalar.</param>
    /// <param name="bytes">Gives the elements, little-endian and row-major, when they are about to be
    /// written.</param>
    public void Add(string name, DType type, IReadOnlyList<long> shape, Func<ReadOnlyMemory<byte>> bytes)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(bytes);
        _items.Add(new SafeTensorsItem(name, type.Name(), shape, bytes));
    }
}
