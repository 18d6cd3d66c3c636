using System;
using System.Collections.Generic;
using System.IO;

namespace ControlNet.Native.Weights;

/// <summary>Bytes already in memory, or collected from a stream that cannot seek.</summary>
internal sealed class MemoryByteSource : ByteSource
{
    private const int SegmentBytes = 16 << 20;

    // Every segment but the last has the same length, so that a place is found by division.
    private readonly List<ReadOnlyMemory<byte>> _segments;
    private readonly int _segmentBytes;

    public MemoryByteSource(ReadOnlyMemory<byte> bytes, string name) : base(name)
    {
        _segments = [bytes];
        _segmentBytes = Math.Max(1, bytes.Length);
        Length = bytes.Length;
    }

    private MemoryByteSource(List<ReadOnlyMemory<byte>> segments, long length, string name) : base(name)
    {
        _segments = segments;
        _segmentBytes = SegmentBytes;
        Length = length;
    }

    public override long Length { get; }

    /// <summary>
    /// Reads a stream to its end. Memory grows with the bytes that arrive, never with what a header claims.
    /// </summary>
    /// <exception cref="SafeTensorsException">The stream failed.</exception>
    public static MemoryByteSource Collect(Stream stream, string name)
    {
        List<ReadOnlyMemory<byte>> segments = [];
        long length = 0;
        try
        {
            // The first bytes get a small buffer: a stream of a few hundred bytes must not cost 16 MiB.
            byte[] segment = new byte[64 << 10];
            int filled = 0;
            while (true)
            {
                if (filled == segment.Length && segment.Length < SegmentBytes)
                {
                    Array.Resize(ref segment, segment.Length * 2);
                }
                else if (filled == segment.Length)
                {
                    segments.Add(segment);
                    segment = new byte[SegmentBytes];
                    filled = 0;
                }

                int read = stream.Read(segment, filled, segment.Length - filled);
                if (read == 0)
                {
                    segments.Add(segment.AsMemory(0, filled));
                    return new MemoryByteSource(segments, length, name);
                }

                filled += read;
                length += read;
            }
        }
        catch (Exception e) when (e is IOException or NotSupportedException or ObjectDisposedException)
        {
            throw new SafeTensorsException(name, $"the stream failed after {length} bytes ({e.Message})", e);
        }
    }

    public override void Read(long offset, Span<byte> destination)
    {
        if (offset > Length - destination.Length)
        {
            throw CutShort(offset, destination.Length);
        }

        while (destination.Length > 0)
        {
            ReadOnlySpan<byte> segment = _segments[(int)(offset / _segmentBytes)].Span[(int)(offset % _segmentBytes)..];
            int count = Math.Min(segment.Length, destination.Length);
            segment[..count].CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }

    public override void Dispose()
    {
    }
}
