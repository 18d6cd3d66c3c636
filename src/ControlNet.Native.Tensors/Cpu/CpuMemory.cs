using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Aligned host blocks, kept for reuse: a fresh large block costs a page fault for every 4 KiB, which is more than many
/// an op. Sizes are rounded up in steps of an eighth so that blocks of nearly one size serve each other.
/// </summary>
internal sealed unsafe class CpuMemory : IDisposable
{
    private const nuint CacheLine = 64;

    /// <summary>Blocks below this are cheap to get from the system.</summary>
    private const long SmallestKeptBytes = 64 * 1024;

    private readonly Dictionary<long, Stack<nint>> _kept = [];
    private readonly Lock _lock = new();
    private bool _disposed;

    public long BytesInUse { get; private set; }

    public long BlocksInUse { get; private set; }

    public MemoryBlock Allocate(long bytes)
    {
        long rounded = RoundUp(bytes);
        nint address;
        lock (_lock)
        {
            address = _kept.TryGetValue(rounded, out Stack<nint>? blocks) && blocks.Count > 0 ? blocks.Pop() : 0;
            BytesInUse += rounded;
            BlocksInUse++;
        }

        if (address == 0)
        {
            try
            {
                // 64 bytes beyond the end let a vector kernel load, never store, past the last element.
                address = HugePages.Allocate((nuint)rounded + CacheLine, CacheLine);
            }
            catch (OutOfMemoryException e)
            {
                Forget(rounded);
                throw new DeviceMemoryException(
                    $"cpu: {bytes} bytes are not to be had with {BytesInUse} in use; use smaller images, 16-bit " +
                    "weights or dispose a model", e);
            }
        }

        return new HostBlock(this, address, rounded);
    }

    /// <summary>Returns the kept blocks to the system.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            foreach (Stack<nint> blocks in _kept.Values)
            {
                foreach (nint address in blocks)
                {
                    NativeMemory.AlignedFree((void*)address);
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

    private void Forget(long rounded)
    {
        lock (_lock)
        {
            BytesInUse -= rounded;
            BlocksInUse--;
        }
    }

    private void Return(nint address, long rounded)
    {
        Forget(rounded);
        lock (_lock)
        {
            if (!_disposed && rounded >= SmallestKeptBytes)
            {
                if (!_kept.TryGetValue(rounded, out Stack<nint>? blocks))
                {
                    _kept[rounded] = blocks = new Stack<nint>();
                }

                blocks.Push(address);
                return;
            }
        }

        NativeMemory.AlignedFree((void*)address);
    }

    private sealed class HostBlock(CpuMemory memory, nint address, long bytes) : MemoryBlock
    {
        private nint _address = address;

        public override long Bytes { get; } = bytes;

        public override nint HostAddress => _address;

        public override void Dispose()
        {
            nint mine = Interlocked.Exchange(ref _address, 0);
            if (mine != 0)
            {
                memory.Return(mine, Bytes);
            }
        }
    }
}
