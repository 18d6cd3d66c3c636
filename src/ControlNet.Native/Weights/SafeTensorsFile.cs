using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>
/// A safetensors file, opened for reading. Opening reads and proves the header only; tensors are read when asked for.
/// Files are read with positioned reads and never memory-mapped, because a mapped file that another program cuts short
/// kills the process (SIGBUS); here it is an exception. Reading is safe from several threads.
/// </summary>
public sealed class SafeTensorsFile : IDisposable
{
    private readonly ByteSource _source;
    private readonly SafeTensorsHeader _header;
    private readonly long _dataStart;

    private SafeTensorsFile(ByteSource source)
    {
        _source = source;
        try
        {
            ulong headerBytes = ReadLength(source);
            _dataStart = SafeTensorsHeader.LengthBytes + (long)headerBytes;
            byte[] json = new byte[headerBytes];
            source.Read(SafeTensorsHeader.LengthBytes, json);
            _header = SafeTensorsHeader.Parse(source.Name, json, source.Length - _dataStart);
        }
        catch (SafeTensorsException e)
        {
            string? kind = DescribeKind(source);
            source.Dispose();
            if (kind is null)
            {
                throw;
            }

            throw new SafeTensorsException(source.Name, kind, e);
        }
    }

    /// <summary>What messages call the file: its path, or the name given with the stream or memory.</summary>
    public string Name => _source.Name;

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, SafeTensorsEntry> Entries => _header.Entries;

    /// <summary>The free text of the header's <c>__metadata__</c>; empty when there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Bytes of the whole file.</summary>
    public long ByteCount => _source.Length;

    /// <summary>Opens a file.</summary>
    /// <exception cref="SafeTensorsException">It cannot be opened or is not a sound safetensors file.</exception>
    public static SafeTensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new SafeTensorsFile(new FileByteSource(path));
    }

    /// <summary>
    /// Opens a stream from its current position on. A seekable stream is read on demand and must not be used by others
    /// meanwhile; one that cannot seek is read into memory to its end.
    /// </summary>
    /// <param name="stream">Where the file's bytes come from.</param>
    /// <param name="leaveOpen">Whether <see cref="Dispose"/> leaves the stream open.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="SafeTensorsException">It cannot be read or is not a sound safetensors file.</exception>
    public static SafeTensorsFile Open(Stream stream, bool leaveOpen = false, string name = "stream")
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (stream.CanSeek)
        {
            return new SafeTensorsFile(new StreamByteSource(stream, leaveOpen, name));
        }

        MemoryByteSource collected = MemoryByteSource.Collect(stream, name);
        if (!leaveOpen)
        {
            stream.Dispose();
        }

        return new SafeTensorsFile(collected);
    }

    /// <summary>Opens a file that is in memory. The memory is not copied and must not change.</summary>
    /// <exception cref="SafeTensorsException">It is not a sound safetensors file.</exception>
    public static SafeTensorsFile Open(ReadOnlyMemory<byte> bytes, string name = "memory") =>
        new(new MemoryByteSource(bytes, name));

    /// <summary>Copies a part of a tensor's bytes, little-endian and row-major as the file has them.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="offsetBytes">First byte wanted, from the start of the tensor.</param>
    /// <param name="destination">Receives the bytes; all of it is filled.</param>
    /// <exception cref="SafeTensorsException">
    /// There is no such tensor, the part reaches beyond it, or the file was cut short or rewritten meanwhile.
    /// </exception>
    public void Read(string name, long offsetBytes, Span<byte> destination)
    {
        if (!Entries.TryGetValue(name, out SafeTensorsEntry? entry))
        {
            throw new SafeTensorsException(Name, $"has no tensor '{MessageText.Name(name)}'");
        }

        if (offsetBytes < 0 || offsetBytes > entry.ByteCount - destination.Length)
        {
            throw new SafeTensorsException(
                Name,
                $"tensor '{MessageText.Name(name)}' has {entry.ByteCount} bytes, " +
                $"{destination.Length} were asked for from byte {offsetBytes}");
        }

        _source.Read(_dataStart + entry.Begin + offsetBytes, destination);
    }

    /// <summary>Copies all bytes of a tensor.</summary>
    /// <exception cref="SafeTensorsException">
    /// There is no such tensor, it is larger than an array can be, or the file was cut short or rewritten meanwhile.
    /// </exception>
    public byte[] ReadAll(string name)
    {
        if (Entries.TryGetValue(name, out SafeTensorsEntry? entry) && entry.ByteCount > Array.MaxLength)
        {
            throw new SafeTensorsException(
                Name, $"tensor '{MessageText.Name(name)}' has {entry.ByteCount} bytes, more than one array holds");
        }

        byte[] bytes = new byte[entry?.ByteCount ?? 0];
        Read(name, 0, bytes);
        return bytes;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _source.Dispose();

    private static ulong ReadLength(ByteSource source)
    {
        if (source.Length < SafeTensorsHeader.LengthBytes)
        {
            throw new SafeTensorsException(
                source.Name,
                $"has {source.Length} bytes; a safetensors file begins with {SafeTensorsHeader.LengthBytes} bytes of " +
                "header length, download it again");
        }

        Span<byte> field = stackalloc byte[SafeTensorsHeader.LengthBytes];
        source.Read(0, field);
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(field);
        SafeTensorsHeader.CheckLength(source.Name, headerBytes, source.Length - SafeTensorsHeader.LengthBytes);
        return headerBytes;
    }

    private static string? DescribeKind(ByteSource source)
    {
        Span<byte> head = stackalloc byte[FileKind.PeekBytes];
        head = head[..(int)Math.Min(head.Length, source.Length)];
        try
        {
            source.Read(0, head);
        }
        catch (SafeTensorsException)
        {
            // The first failure says more than the second.
            return null;
        }

        return FileKind.Describe(head);
    }
}
