using System;
using System.Collections.Generic;
using System.Numerics;
using System.Threading;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// Blocks of device memory, kept for reuse by classes of size: drivers take long to allocate, and CUDA waits for the
/// device. A block that was returned is handed out again at once, also while launches that use it are queued, because
/// the one stream of the device runs them before those of its next owner.
/// </summary>
internal sealed class GpuMemory : IDisposable
{
    /// <summary>Sizes are multiples of this; every type and every vector load is aligned in a block.</summary>
    private const long Granularity = 256;

    /// <summary>Classes between one power of two and the next: at most an eighth of a block is wasted.</summary>
    private const int ClassesPerOctave = 8;

    /// <summary>How many classes larger a kept block may be that serves a request: up to about a quarter.</summary>
    private const int ClassesAbove = 2;

    private readonly IGpuDriver _driver;
    private readonly Dictionary<long, Stack<nint>> _kept = [];
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
        lock (_lock)
        {
            long size = ClassOf(bytes);
            nint memory = Reuse(ref size);
            if (memory == 0)
            {
                memory = Take(bytes, size);
            }

            BytesInUse += size;
            PeakBytesInUse = Math.Max(PeakBytesInUse, BytesInUse);
            BlocksInUse++;
            return new GpuBlock(this, memory, size);
        }
    }

    /// <summary>Returns what no block uses to the driver, after everything queued has finished.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            if (_heldBytes > BytesInUse)
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
    internal void Return(nint memory, long bytes)
    {
        lock (_lock)
        {
            BytesInUse -= bytes;
            BlocksInUse--;
            if (!_kept.TryGetValue(bytes, out Stack<nint>? blocks))
            {
                _kept.Add(bytes, blocks = new Stack<nint>());
            }

            blocks.Push(memory);
            if (_disposed)
            {
                Release();
            }
        }
    }

    /// <summary>The least size a block for so many bytes has.</summary>
    internal static long ClassOf(long bytes)
    {
        long wanted = Math.Max(bytes, 1);
        int octave = 63 - BitOperations.LeadingZeroCount((ulong)wanted);
        long step = Math.Max(Granularity, (1L << octave) / ClassesPerOctave);
        return checked(wanted + step - 1) / step * step;
    }

    /// <summary>A kept block of this class or a little above; size becomes that of the block.</summary>
    private nint Reuse(ref long size)
    {
        long candidate = size;
        for (int i = 0; i <= ClassesAbove; i++)
        {
            if (_kept.TryGetValue(candidate, out Stack<nint>? blocks) && blocks.TryPop(out nint memory))
            {
                size = candidate;
                return memory;
            }

            candidate = ClassOf(candidate + 1);
        }

        return 0;
    }

    private nint Take(long bytes, long size)
    {
        nint memory = 0;
        if (size <= _budgetBytes - _heldBytes)
        {
            memory = _driver.Allocate(size);
        }

        if (memory == 0 && _heldBytes > BytesInUse)
        {
            _driver.Synchronize();
            Release();
            memory = size <= _budgetBytes - _heldBytes ? _driver.Allocate(size) : 0;
        }

        if (memory == 0)
        {
            throw new DeviceMemoryException(Refusal(bytes));
        }

        _heldBytes += size;
        PeakBytes = Math.Max(PeakBytes, _heldBytes);
        return memory;
    }

    private string Refusal(long bytes)
    {
        long left = _budgetBytes - BytesInUse;
        long free = Math.Max(0, Math.Min(left, _driver.FreeBytes ?? left));
        string reason = bytes > _driver.Limits.MaxBlockBytes && bytes <= free
            ? $", and one block may have {_driver.Limits.MaxBlockBytes}"
            : "";
        return $"{_driver.Name}: {bytes} bytes are not to be had: {free} are free{reason}, with {BytesInUse} in use; " +
            "use smaller images, 16-bit weights or dispose a model";
    }

    private void Release()
    {
        foreach ((long bytes, Stack<nint> blocks) in _kept)
        {
            while (blocks.TryPop(out nint memory))
            {
                _driver.Free(memory);
                _heldBytes -= bytes;
            }
        }
    }
}
