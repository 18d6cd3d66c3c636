using System;
using System.Collections.Generic;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// A stretch of host memory that blocks are cut from. Free neighbours always form one range, whose pages can be given
/// back to the system while other blocks of the region are in use.
/// </summary>
/// <param name="address">Where it begins.</param>
/// <param name="bytes">Its size.</param>
internal sealed class MemoryRegion(nint address, long bytes)
{
    /// <summary>Free ranges by offset, and how much of each was given back.</summary>
    private readonly List<(long Offset, long Bytes, long Absent)> _free = [(0, bytes, 0)];

    public nint Address => address;

    public long Bytes => bytes;

    /// <summary>Whether no block is cut from it.</summary>
    public bool IsFree => _free.Count == 1 && _free[0].Bytes == bytes;

    /// <summary>
    /// Bytes without pages, at least: a block cut from a range counts as if it took the absent ones first.
    /// </summary>
    public long AbsentBytes { get; private set; }

    /// <summary>The smallest free range of at least <paramref name="wanted"/> bytes; 0 when there is none.</summary>
    public long BestFit(long wanted)
    {
        long best = 0;
        foreach ((_, long free, _) in _free)
        {
            if (free >= wanted && (best == 0 || free < best))
            {
                best = free;
            }
        }

        return best;
    }

    /// <summary>Cuts a block off the front of the first range of exactly <paramref name="range"/> bytes.</summary>
    /// <returns>Its address.</returns>
    public nint Cut(long range, long wanted)
    {
        int index = _free.FindIndex(free => free.Bytes == range);
        (long offset, _, long absent) = _free[index];
        long taken = Math.Min(absent, wanted);
        AbsentBytes -= taken;
        if (range == wanted)
        {
            _free.RemoveAt(index);
        }
        else
        {
            _free[index] = (offset + wanted, range - wanted, absent - taken);
        }

        return address + (nint)offset;
    }

    /// <summary>Gives the pages of free ranges back to where they came from.</summary>
    public void GiveBack(HostMemory source)
    {
        for (int i = 0; i < _free.Count; i++)
        {
            (long offset, long free, long absent) = _free[i];
            if (absent < LargePages.GiveBackSize(address + (nint)offset, free))
            {
                long now = Math.Max(absent, source.GiveBack(address + (nint)offset, free));
                AbsentBytes += now - absent;
                _free[i] = (offset, free, now);
            }
        }
    }

    /// <summary>Takes a block back and joins it to its free neighbours.</summary>
    public void Return(nint block, long size)
    {
        long offset = block - address, absent = 0;
        int next = _free.FindIndex(free => free.Offset > offset);
        next = next < 0 ? _free.Count : next;
        if (next < _free.Count && _free[next].Offset == offset + size)
        {
            size += _free[next].Bytes;
            absent += _free[next].Absent;
            _free.RemoveAt(next);
        }

        if (next > 0 && _free[next - 1].Offset + _free[next - 1].Bytes == offset)
        {
            (offset, size) = (_free[next - 1].Offset, size + _free[next - 1].Bytes);
            absent += _free[next - 1].Absent;
            _free.RemoveAt(--next);
        }

        _free.Insert(next, (offset, size, absent));
    }
}
