using System;

namespace ControlNet.Native.Weights;

/// <summary>Bytes that can be read at any place: a file, a stream or memory.</summary>
internal abstract class ByteSource : IDisposable
{
    protected ByteSource(string name) => Name = name;

    /// <summary>What messages call it: the path, or what kind of memory it is.</summary>
    public string Name { get; }

    /// <summary>Bytes there are.</summary>
    public abstract long Length { get; }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/>.</summary>
    /// <exception cref="SafeTensorsException">The bytes are not there (any more), or reading them failed.</exception>
    public abstract void Read(long offset, Span<byte> destination);

    public abstract void Dispose();

    protected SafeTensorsException CutShort(long offset, long wanted) => new(
        Name, $"{wanted} bytes at {offset} could not be read although the file had them when it was opened; " +
        "it was cut short or replaced meanwhile, load it again when nothing else writes it");
}
