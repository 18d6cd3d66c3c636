using System;
using System.Collections.Generic;
using System.Threading;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Aligned host blocks, kept for reuse: a fresh large block costs a page fault for every 4 KiB, which is more than many
/// an op. Sizes are rounded up in steps of an eighth so that blocks of nearly one size serve each other.
/// </summary>
/// <param name="source">Where the blocks come from.</param>
internal sealed class CpuMemory(HostMemory source) : IDisposable
{
    /// <summary>Blocks below this are cheap to get from the system.</summary>
    private const long SmallestKeptBytes = 64 * 1024;

    private readonly Dictionary<long, Stack<nint>> _kept = [];
    private readonly Lock _lock = new();
    private bool _disposed;

    /// <summary>Bytes handed out and not returned.</summary>
    public long BytesInUse { get; private set; }

    /// <summary>Blocks handed out and not returned.</summary>
    public long BlocksInUse { get; private set; }

    /// <summary>The most this has held at once, blocks in use and blocks kept for reuse.</summary>
    public long PeakBytes { get; private set; }

    private long BytesHeld { get; set; }

    public MemoryBlock Allocate(long bytes)
    {
        long rounded = RoundUp(bytes);
        lock (_lock)
        {
            if (!_kept.TryGetValue(rounded, out Stack<nint>? blocks) || !blocks.TryPop(out nint address))
            {
                address = Take(bytes, rounded);
            }

            BytesInUse += rounded;
            BlocksInUse++;
            return new HostBlock(this, address, rounded);
        }
    }

    /// <summary>Returns the kept blocks to the system.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            foreach ((long rounded, Stack<nint> blocks) in _kept)
            {
                foreach (nint address in blocks)
                {
                    Release(address, rounded);
                }
            }

            _kept.Clear();
        }
    }

    public void Dispose()
    {
        _disposed = true;
        Trim();
    }

    private static long RoundUp(long bytes)
    {
        if (bytes <= SmallestKeptBytes)
        {
            return (bytes + 63) & ~63L;
        }

        long step = (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)bytes) / 16;
        return (bytes + step - 1) / step * step;
    }

    private nint Take(long bytes, long rounded)
    {
        nint address;
        try
        {
            address = source.Allocate(rounded);
        }
        catch (OutOfMemoryException e)
        {
            throw new DeviceMemoryException(
                $"cpu: {bytes} bytes are not to be had with {BytesInUse} in use; use smaller images, 16-bit " +
                "weights or dispose a model", e);
        }

        BytesHeld += rounded;
        PeakBytes = Math.Max(PeakBytes, BytesHeld);
        return address;
    }

    private void Release(nint address, long rounded)
    {
        source.Free(address);
        BytesHeld -= rounded;
    }

    private void Return(nint address, long rounded)
    {
        lock (_lock)
        {
            BytesInUse -= rounded;
            BlocksInUse--;
            if (_disposed || rounded < SmallestKeptBytes)
            {
                Release(address, rounded);
                return;
            }

            if (!_kept.TryGetValue(rounded, out Stack<nint>? blocks))
            {
                _kept[rounded] = blocks = new Stack<nint>();
            }

            blocks.Push(address);
        }
    }

    private sealed class HostBlock(CpuMemory memory, nint address, long bytes) : MemoryBlock
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
                memory.Return(mine, Bytes);
            }
        }
    }

    private bool HoldsData => source.HoldsData;
}
