using System;
using System.IO;
using Microsoft.Win32.SafeHandles;

namespace ControlNet.Native.Weights;

/// <summary>
/// A file read with positioned reads. It is not memory-mapped: when another program cuts a mapped file short, touching
/// the lost pages raises SIGBUS, which kills the whole process and cannot be caught.
/// </summary>
internal sealed class FileByteSource : ByteSource
{
    private readonly SafeFileHandle _handle;
    private readonly DateTime _writtenUtc;

    /// <exception cref="SafeTensorsException">The file is missing, is a folder, or may not be read.</exception>
    public FileByteSource(string path) : base(path)
    {
        try
        {
            _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (
            e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            string problem = Directory.Exists(path)
                ? "this is a folder, a file is wanted here"
                : $"cannot be opened ({e.Message})";
            throw new SafeTensorsException(path, problem, e);
        }

        try
        {
            Length = RandomAccess.GetLength(_handle);
            _writtenUtc = File.GetLastWriteTimeUtc(_handle);
        }
        catch (Exception e) when (e is IOException or NotSupportedException or UnauthorizedAccessException)
        {
            // A pipe or a device node: no length, no positions.
            _handle.Dispose();
            throw new SafeTensorsException(path, $"is not a regular file ({e.Message}); open it as a stream", e);
        }
    }

    public override long Length { get; }

    public override void Read(long offset, Span<byte> destination)
    {
        try
        {
            int done = 0;
            while (done < destination.Length)
            {
                int read = RandomAccess.Read(_handle, destination[done..], offset + done);
                if (read == 0)
                {
                    throw CutShort(offset, destination.Length);
                }

                done += read;
            }

            // Written in place since it was opened: earlier and later tensors would be of two different files.
            if (RandomAccess.GetLength(_handle) != Length || File.GetLastWriteTimeUtc(_handle) != _writtenUtc)
            {
                throw CutShort(offset, destination.Length);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            throw new SafeTensorsException(
                Name, $"reading {destination.Length} bytes at {offset} failed ({e.Message})", e);
        }
    }

    public override void Dispose() => _handle.Dispose();
}
