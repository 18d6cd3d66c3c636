using System;
using System.Collections.Generic;
using System.Threading;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Aligned host blocks, cut from regions that are kept: fresh memory costs a page fault for every page, which is more
/// than many an op. A block is the front of the smallest free range it fits into, so the memory held stays close to
/// the most that was in use.
/// </summary>
/// <param name="source">Where the regions come from.</param>
internal sealed class CpuMemory(HostMemory source) : IDisposable
{
    /// <summary>Blocks below this come from the system one by one.</summary>
    private const long SmallestCutBytes = 64 << 10;

    /// <summary>Blocks begin and end at multiples of this, so that no two share a cache line or a page.</summary>
    private const long Granularity = 4096;

    /// <summary>Least size of a region; larger blocks get one of their own.</summary>
    private const long RegionBytes = 64L << 20;

    /// <summary>In the order of their addresses' age: long-lived blocks gather at the front.</summary>
    private readonly List<MemoryRegion> _regions = [];
    private readonly Lock _lock = new();
    private long _heldBytes;
    private bool _disposed;

    /// <summary>Bytes handed out and not returned.</summary>
    public long BytesInUse { get; private set; }

    /// <summary>Blocks handed out and not returned.</summary>
    public long BlocksInUse { get; private set; }

    /// <summary>The most that <see cref="BytesInUse"/> has been.</summary>
    public long PeakBytesInUse { get; private set; }

    /// <summary>The most this has taken from the system at once.</summary>
    public long PeakBytes { get; private set; }

    private bool HoldsData => source.HoldsData;

    public MemoryBlock Allocate(long bytes)
    {
        bool isCut = bytes >= SmallestCutBytes;
        long granularity = isCut ? Granularity : 64;
        long rounded = checked(bytes + granularity - 1) / granularity * granularity;
        lock (_lock)
        {
            MemoryRegion? region = null;
            nint address;
            try
            {
                address = isCut ? Cut(rounded, out region) : Take(rounded);
            }
            catch (OutOfMemoryException e)
            {
                throw new DeviceMemoryException(
                    $"cpu: {bytes} bytes are not to be had with {BytesInUse} in use; use smaller images, 16-bit " +
                    "weights or dispose a model", e);
            }

            BytesInUse += rounded;
            PeakBytesInUse = Math.Max(PeakBytesInUse, BytesInUse);
            BlocksInUse++;
            return new HostBlock(this, region, address, rounded);
        }
    }

    /// <summary>Returns regions without blocks to the system, and of other regions the pages no block uses.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            for (int i = _regions.Count - 1; i >= 0; i--)
            {
                if (_regions[i].IsFree)
                {
                    Release(_regions[i].Address, _regions[i].Bytes - _regions[i].AbsentBytes);
                    _regions.RemoveAt(i);
                    continue;
                }

                long absent = _regions[i].AbsentBytes;
                _regions[i].GiveBack(source);
                _heldBytes -= _regions[i].AbsentBytes - absent;
            }
        }
    }

    public void Dispose()
    {
        _disposed = true;
        Trim();
    }

    private nint Cut(long bytes, out MemoryRegion region)
    {
        MemoryRegion? best = null;
        long bestFit = long.MaxValue;
        foreach (MemoryRegion candidate in _regions)
        {
            long fit = candidate.BestFit(bytes);
            if (fit > 0 && fit < bestFit)
            {
                (best, bestFit) = (candidate, fit);
            }
        }

        if (best is null)
        {
            // What no block uses goes back before more is taken: work that follows other work starts afresh.
            Trim();
            bestFit = Math.Max(bytes, RegionBytes);
            best = new MemoryRegion(Take(bestFit), bestFit);
            _regions.Add(best);
        }

        region = best;
        long absent = best.AbsentBytes;
        nint address = best.Cut(bestFit, bytes);
        _heldBytes += absent - best.AbsentBytes;
        PeakBytes = Math.Max(PeakBytes, _heldBytes);
        return address;
    }

    private nint Take(long bytes)
    {
        nint address = source.Allocate(bytes);
        _heldBytes += bytes;
        PeakBytes = Math.Max(PeakBytes, _heldBytes);
        return address;
    }

    private void Release(nint address, long bytes)
    {
        source.Free(address);
        _heldBytes -= bytes;
    }

    private void Return(MemoryRegion? region, nint address, long bytes)
    {
        lock (_lock)
        {
            BytesInUse -= bytes;
            BlocksInUse--;
            if (region is null)
            {
                Release(address, bytes);
                return;
            }

            region.Return(address, bytes);
            if (_disposed)
            {
                Trim();
            }
        }
    }

    private sealed class HostBlock(CpuMemory memory, MemoryRegion? region, nint address, long bytes) : MemoryBlock
    {
        private readonly bool _holdsData = memory.HoldsData;
        private nint _address = address;

        public override long Bytes { get; } = bytes;

        public override nint HostAddress => _holdsData ? _address : 0;

        public override void Dispose()
        {
            nint mine = Interlocked.Exchange(ref _address, 0);
            if (mine != 0)
            {
                memory.Return(region, mine, Bytes);
            }
        }
    }
}
