using System;
using System.Threading;

namespace ControlNet.Native.Tensors.Gpu.Cuda;

/// <summary>
/// Two buffers of pinned memory by which bytes go from the host to the device: the driver copies from there without a
/// copy of its own, and while one buffer is on its way the other is filled. Bytes for neighbouring places are gathered
/// and go as one copy. Functions return the driver's code, 0 for success.
/// </summary>
internal sealed unsafe class CudaStaging : IDisposable
{
    /// <summary>
    /// Bytes of a buffer: a third of a millisecond on a PCIe 5 link, far more than a copy takes to begin.
    /// </summary>
    public const int BufferBytes = 16 << 20;

    private readonly Lock _lock = new();
    private readonly nint _stream;
    private readonly nint[] _buffers = [0, 0], _events = [0, 0];

    /// <summary>The buffer that is filled, what of it was gathered and not queued, and where that goes.</summary>
    private int _now, _start, _end;
    private nint _destination;

    private CudaStaging(nint stream) => _stream = stream;

    /// <summary>Whether something waits to be queued.</summary>
    public bool HasGathered => _end > _start;

    /// <summary>Allocates the buffers.</summary>
    /// <returns>Null when the driver has no pinned memory to give.</returns>
    public static CudaStaging? TryCreate(nint stream)
    {
        CudaStaging staging = new(stream);
        for (int i = 0; i < 2; i++)
        {
            nint buffer = 0, made = 0;
            int code = CudaNative.MemHostAlloc(&buffer, BufferBytes, 0);
            code = code != 0 ? code : CudaNative.EventCreate(&made, CudaNative.EventDisableTiming);
            (staging._buffers[i], staging._events[i]) = (buffer, made);
            if (code != 0)
            {
                staging.Dispose();
                return null;
            }
        }

        return staging;
    }

    /// <summary>
    /// Takes bytes; the source may be reused at once. They are queued by the next <see cref="Flush"/>.
    /// </summary>
    /// <param name="source">The bytes.</param>
    /// <param name="destination">Their address on the device.</param>
    public int Add(ReadOnlySpan<byte> source, nint destination)
    {
        using Lock.Scope turn = _lock.EnterScope();
        int code = HasGathered && destination != _destination + (_end - _start) ? Flush() : 0;
        while (code == 0 && source.Length > 0)
        {
            code = _end == BufferBytes ? Turn() : 0;
            _destination = HasGathered ? _destination : destination;
            int count = Math.Min(source.Length, BufferBytes - _end);
            source[..count].CopyTo(new Span<byte>((byte*)_buffers[_now] + _end, count));
            _end += count;
            source = source[count..];
            destination += count;
        }

        return code;
    }

    /// <summary>Queues the copy of what was gathered.</summary>
    public int Flush()
    {
        using Lock.Scope turn = _lock.EnterScope();
        (int start, int bytes) = (_start, _end - _start);
        _start = _end;
        return bytes == 0 ? 0 : CudaNative.MemcpyHtoDAsync(
            _destination, (byte*)_buffers[_now] + start, (nuint)bytes, _stream);
    }

    /// <summary>Frees the buffers. Nothing queued may be using them.</summary>
    public void Dispose()
    {
        for (int i = 0; i < 2; i++)
        {
            _ = _events[i] == 0 ? 0 : CudaNative.EventDestroy(_events[i]);
            _ = _buffers[i] == 0 ? 0 : CudaNative.MemFreeHost(_buffers[i]);
            (_buffers[i], _events[i]) = (0, 0);
        }
    }

    /// <summary>Sends the full buffer off and waits until the other one is free.</summary>
    private int Turn()
    {
        int code = Flush();
        code = code != 0 ? code : CudaNative.EventRecord(_events[_now], _stream);
        _now ^= 1;
        (_start, _end) = (0, 0);
        return code != 0 ? code : CudaNative.EventSynchronize(_events[_now]);
    }
}
