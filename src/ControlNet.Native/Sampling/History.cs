using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// The last few tensors of a run, newest first. It shares their memory, so their makers may dispose them.
/// </summary>
/// <param name="capacity">How many are kept.</param>
internal sealed class History(int capacity) : IDisposable
{
    private readonly List<Tensor> _newestFirst = [];

    /// <summary>How many there are now.</summary>
    public int Count => _newestFirst.Count;

    /// <summary>The tensor pushed <paramref name="back"/> pushes before the newest.</summary>
    public Tensor this[int back] => _newestFirst[back];

    /// <summary>Adds a tensor and lets go of the oldest when there are too many.</summary>
    public void Push(Tensor tensor)
    {
        Span<int> extents = stackalloc int[tensor.Shape.Rank];
        for (int axis = 0; axis < extents.Length; axis++)
        {
            extents[axis] = tensor.Shape[axis];
        }

        _newestFirst.Insert(0, tensor.Reshape(extents).Detach());
        Keep(capacity);
    }

    /// <summary>Lets go of all but the newest <paramref name="count"/>.</summary>
    public void Keep(int count)
    {
        while (_newestFirst.Count > count)
        {
            _newestFirst[^1].Dispose();
            _newestFirst.RemoveAt(_newestFirst.Count - 1);
        }
    }

    /// <summary>Lets go of all.</summary>
    public void Dispose() => Keep(0);
}
