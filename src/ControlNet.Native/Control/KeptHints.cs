using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Control;

/// <summary>
/// The encoded hints of the last request that used a net: a request with the same hints finds them, any other has them
/// freed before it begins. So no request holds more than it would without. Used under the device's reservation alone.
/// </summary>
/// <remarks>It does not keep the hints themselves alive.</remarks>
internal sealed class KeptHints : IDisposable
{
    /// <summary>Stands in keys for a hint that must not be held.</summary>
    private static readonly object s_nobody = new();

    private readonly List<Entry> _entries = [];

    private readonly record struct Entry(WeakReference<object> Source, HintKey Place, Tensor Features)
    {
        /// <summary>Whether it is of this hint at this size.</summary>
        public bool IsOf(HintKey key) =>
            Source.TryGetTarget(out object? source) && (Place with { Source = source }).Equals(key);
    }

    /// <summary>Bytes of the device that they occupy.</summary>
    public long Bytes { get; private set; }

    /// <summary>What was kept of a hint; null for nothing.</summary>
    public Tensor? Find(HintKey key)
    {
        foreach (Entry entry in _entries)
        {
            if (entry.IsOf(key))
            {
                return entry.Features;
            }
        }

        return null;
    }

    /// <summary>Takes over a tensor that belongs to no scope.</summary>
    public void Add(HintKey key, Tensor features)
    {
        _entries.Add(new Entry(new WeakReference<object>(key.Source), key with { Source = s_nobody }, features));
        Bytes += features.Bytes;
    }

    /// <summary>Frees everything else.</summary>
    public void KeepOnly(IReadOnlyCollection<HintKey> keys)
    {
        foreach (Entry entry in _entries.Where(entry => !keys.Any(entry.IsOf)).ToArray())
        {
            _entries.Remove(entry);
            Bytes -= entry.Features.Bytes;
            entry.Features.Dispose();
        }
    }

    /// <summary>Frees all.</summary>
    public void Dispose() => KeepOnly([]);
}
