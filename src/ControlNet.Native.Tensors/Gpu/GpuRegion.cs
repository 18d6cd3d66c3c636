using System.Collections.Generic;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>Device memory from a driver, from whose front or gaps blocks are cut. Free neighbours join.</summary>
/// <param name="memory">The driver's handle.</param>
/// <param name="bytes">Its size.</param>
internal sealed class GpuRegion(nint memory, long bytes)
{
    /// <summary>Free ranges by where they start; no two touch.</summary>
    private readonly List<(long Start, long Bytes)> _free = [(0, bytes)];

    /// <summary>What was cut since <see cref="Watch"/>; null when nobody wants to know.</summary>
    private List<(long Start, long Bytes)>? _watched;

    public nint Memory { get; } = memory;

    public long Bytes { get; } = bytes;

    /// <summary>Whether no block is in it.</summary>
    public bool IsFree => _free.Count == 1 && _free[0].Bytes == Bytes;

    /// <summary>Size of the smallest free range with so many bytes; 0 when there is none.</summary>
    public long BestFit(long wanted)
    {
        long best = 0;
        foreach ((_, long size) in _free)
        {
            if (size >= wanted && (best == 0 || size < best))
            {
                best = size;
            }
        }

        return best;
    }

    /// <summary>Cuts a block off the front of the first free range of a size <see cref="BestFit"/> has named.</summary>
    /// <returns>Where the block starts.</returns>
    public long Cut(long fit, long wanted)
    {
        int index = _free.FindIndex(range => range.Bytes == fit);
        (long start, long size) = _free[index];
        if (size == wanted)
        {
            _free.RemoveAt(index);
        }
        else
        {
            _free[index] = (start + wanted, size - wanted);
        }

        _watched?.Add((start, wanted));
        return start;
    }

    /// <summary>Begins to note what is cut.</summary>
    public void Watch() => _watched = [];

    /// <summary>
    /// Ends noting, and cuts off all that was cut meanwhile and is free again: memory that work has used and that must
    /// stay as the work left it.
    /// </summary>
    /// <param name="keep">Whether to cut at all.</param>
    /// <returns>The ranges, by where they start; no two touch.</returns>
    public List<(long Start, long Bytes)> Unwatch(bool keep)
    {
        List<(long Start, long Bytes)> watched = _watched ?? [], kept = [], free = [];
        _watched = null;
        if (!keep || watched.Count == 0)
        {
            return kept;
        }

        watched.Sort();
        foreach ((long start, long size) in _free)
        {
            long at = start, end = start + size;
            foreach ((long from, long bytes) in watched)
            {
                (long first, long last) = (long.Max(from, at), long.Min(from + bytes, end));
                if (first < last)
                {
                    Add(free, at, first);
                    Add(kept, first, last);
                    at = last;
                }
            }

            Add(free, at, end);
        }

        _free.Clear();
        _free.AddRange(free);
        return kept;
    }

    /// <summary>Takes a block back.</summary>
    public void Return(long start, long size)
    {
        int index = _free.FindIndex(range => range.Start > start);
        index = index < 0 ? _free.Count : index;
        if (index < _free.Count && start + size == _free[index].Start)
        {
            size += _free[index].Bytes;
            _free.RemoveAt(index);
        }

        if (index > 0 && _free[index - 1].Start + _free[index - 1].Bytes == start)
        {
            _free[index - 1] = (_free[index - 1].Start, _free[index - 1].Bytes + size);
        }
        else
        {
            _free.Insert(index, (start, size));
        }
    }

    /// <summary>Adds a range, to the last one where they touch.</summary>
    private static void Add(List<(long Start, long Bytes)> ranges, long start, long end)
    {
        if (start < end && ranges.Count > 0 && ranges[^1].Start + ranges[^1].Bytes == start)
        {
            ranges[^1] = (ranges[^1].Start, end - ranges[^1].Start);
        }
        else if (start < end)
        {
            ranges.Add((start, end - start));
        }
    }
}
