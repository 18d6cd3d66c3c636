using System;
using System.Collections.Generic;
using System.Threading;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// Blocks of device memory, cut from regions that are kept: drivers take long to allocate, and CUDA waits for the
/// device. A block that was returned is cut again at once, also while launches that use it are queued, because the one
/// stream of the device runs them before those of its next owner. As on the CPU a block is the front of the smallest
/// free range it fits into, so the memory held stays close to the most that was in use.
/// </summary>
internal sealed partial class GpuMemory : IDisposable
{
    /// <summary>Sizes and starts are multiples of this, so every vector load of a block is aligned.</summary>
    private const long Granularity = 256;

    /// <summary>Blocks up to this size lie in regions of their own, so that large free ranges stay whole.</summary>
    private const long SmallBytes = 64 << 10;

    private const long SmallRegionBytes = 2L << 20;

    /// <summary>Least size of a region of large blocks; a larger block gets one of its size.</summary>
    private const long RegionBytes = 64L << 20;

    private readonly IGpuDriver _driver;

    /// <summary>By age: long-lived blocks gather at the front.</summary>
    private readonly List<GpuRegion> _small = [], _large = [];
    private readonly Lock _lock = new();
    private readonly long _budgetBytes;
    private long _heldBytes;
    private bool _disposed;

    /// <param name="driver">Where memory comes from.</param>
    /// <param name="budgetBytes">The most to hold at once; when not given, all the device has.</param>
    public GpuMemory(IGpuDriver driver, long? budgetBytes = null)
    {
        _driver = driver;
        _budgetBytes = budgetBytes ?? driver.Limits.MemoryBytes;
    }

    /// <summary>Bytes handed out and not returned.</summary>
    public long BytesInUse { get; private set; }

    /// <summary>Blocks handed out and not returned.</summary>
    public long BlocksInUse { get; private set; }

    /// <summary>The most that <see cref="BytesInUse"/> has been.</summary>
    public long PeakBytesInUse { get; private set; }

    /// <summary>The most this has taken from the driver at once.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Hands out a block; its content is undefined.</summary>
    /// <exception cref="DeviceMemoryException">Neither the budget nor the device has that much.</exception>
    public MemoryBlock Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long size = checked(Math.Max(bytes, 1) + Granularity - 1) / Granularity * Granularity;
        lock (_lock)
        {
            List<GpuRegion> regions = size <= SmallBytes ? _small : _large;
            GpuRegion region = Find(regions, size, out long fit) ?? Take(regions, bytes, size, out fit);
            long start = region.Cut(fit, size);
            BytesInUse += size;
            PeakBytesInUse = Math.Max(PeakBytesInUse, BytesInUse);
            BlocksInUse++;
            return new GpuBlock(this, region, start, size);
        }
    }

    /// <summary>Returns regions without blocks to the driver, after everything queued has finished.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            if (_isHolding)
            {
                return;
            }

            if (_small.Exists(region => region.IsFree) || _large.Exists(region => region.IsFree))
            {
                _driver.Synchronize();
                Release();
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            Release();
        }
    }

    /// <summary>Takes back what a block has had.</summary>
    internal void Return(GpuRegion region, long start, long bytes)
    {
        lock (_lock)
        {
            BytesInUse -= bytes;
            BlocksInUse--;
            region.Return(start, bytes);
            if (_disposed)
            {
                Release();
            }
        }
    }

    /// <summary>The region with the smallest free range of so many bytes; null when none has one.</summary>
    private static GpuRegion? Find(List<GpuRegion> regions, long size, out long fit)
    {
        GpuRegion? best = null;
        fit = long.MaxValue;
        foreach (GpuRegion candidate in regions)
        {
            long candidateFit = candidate.BestFit(size);
            if (candidateFit > 0 && candidateFit < fit)
            {
                (best, fit) = (candidate, candidateFit);
            }
        }

        return best;
    }

    /// <summary>A new region: of the usual size, or, where that is not to be had, of the block's.</summary>
    private GpuRegion Take(List<GpuRegion> regions, long bytes, long size, out long fit)
    {
        if (_isHolding)
        {
            throw new RecordingException($"{_driver.Name}: memory cannot be taken while work is recorded");
        }

        // What no block uses goes back before more is taken: work that follows other work starts afresh.
        Trim();
        fit = Math.Max(size, ReferenceEquals(regions, _small) ? SmallRegionBytes : RegionBytes);
        nint memory = TakeExactly(fit);
        if (memory == 0)
        {
            fit = size;
            memory = TakeExactly(fit);
        }

        if (memory == 0)
        {
            throw new DeviceMemoryException(Refusal(bytes));
        }

        _heldBytes += fit;
        PeakBytes = Math.Max(PeakBytes, _heldBytes);
        GpuRegion region = new(memory, fit);
        regions.Add(region);
        return region;
    }

    private nint TakeExactly(long size) => size <= _budgetBytes - _heldBytes ? _driver.Allocate(size) : 0;

    private string Refusal(long bytes)
    {
        long left = _budgetBytes - _heldBytes;
        long free = Math.Max(0, Math.Min(left, _driver.FreeBytes ?? left));
        string reason = bytes > _driver.Limits.MaxBlockBytes && bytes <= free
            ? $", and one block may have {_driver.Limits.MaxBlockBytes}"
            : "";
        return $"{_driver.Name}: {bytes} bytes are not to be had: {free} are free{reason}, with {BytesInUse} in use; " +
            "use smaller images, 16-bit weights or dispose a model";
    }

    private void Release()
    {
        foreach (List<GpuRegion> regions in (ReadOnlySpan<List<GpuRegion>>)[_small, _large])
        {
            for (int i = regions.Count - 1; i >= 0; i--)
            {
                if (regions[i].IsFree)
                {
                    _driver.Free(regions[i].Memory);
                    _heldBytes -= regions[i].Bytes;
                    regions.RemoveAt(i);
                }
            }
        }
    }
}
