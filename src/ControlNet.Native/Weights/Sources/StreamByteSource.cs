using System;
using System.IO;
using System.Threading;

namespace ControlNet.Native.Weights;

/// <summary>A seekable stream, read from the position it was handed over at. Reads are serialised.</summary>
internal sealed class StreamByteSource : ByteSource
{
    private readonly Stream _stream;
    private readonly long _start;
    private readonly bool _leaveOpen;
    private readonly Lock _gate = new();

    public StreamByteSource(Stream stream, bool leaveOpen, string name) : base(name)
    {
        _stream = stream;
        _leaveOpen = leaveOpen;
        try
        {
            _start = stream.Position;
            Length = stream.Length - _start;
        }
        catch (Exception e) when (e is IOException or NotSupportedException or ObjectDisposedException)
        {
            throw new SafeTensorsException(name, $"cannot be read ({e.Message})", e);
        }
    }

    public override long Length { get; }

    public override void Read(long offset, Span<byte> destination)
    {
        try
        {
            lock (_gate)
            {
                _stream.Position = _start + offset;
                _stream.ReadExactly(destination);
            }
        }
        catch (EndOfStreamException)
        {
            throw CutShort(offset, destination.Length);
        }
        catch (Exception e) when (e is IOException or NotSupportedException or ObjectDisposedException)
        {
            throw new SafeTensorsException(
                Name, $"reading {destination.Length} bytes at {offset} failed ({e.Message})", e);
        }
    }

    public override void Dispose()
    {
        if (!_leaveOpen)
        {
            _stream.Dispose();
        }
    }
}
