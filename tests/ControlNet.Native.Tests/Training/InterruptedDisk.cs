using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Training;

namespace ControlNet.Native.Tests.Training;

/// <summary>The process ended here: nothing after it happens, not even cleaning up.</summary>
internal sealed class KilledException : Exception;

/// <summary>
/// A disk on which the process dies at the n-th thing it does. Things that can be half done are left so: half of the
/// bytes of a write, one file of a folder that is deleted. It waits for no hardware: a kill loses nothing that the
/// system has.
/// </summary>
internal sealed class InterruptedDisk(int diesAt) : StoreDisk
{
    /// <summary>Things done so far.</summary>
    public int Operations { get; private set; }

    public override Stream CreateFile(string path)
    {
        Live();
        return new InterruptedStream(this, File.Create(path));
    }

    public override void FlushFile(Stream file)
    {
        Live();
        file.Flush();
    }

    public override void CreateFolder(string path)
    {
        Live();
        base.CreateFolder(path);
    }

    public override void MoveFolder(string from, string to)
    {
        Live();
        base.MoveFolder(from, to);
    }

    public override void SyncFolder(string path) => Live();

    public override void DeleteFolder(string path)
    {
        if (Operations + 1 == diesAt)
        {
            File.Delete(Directory.GetFiles(path).Order(StringComparer.Ordinal).First());
        }

        Live();
        base.DeleteFolder(path);
    }

    private void Live()
    {
        if (++Operations >= diesAt)
        {
            throw new KilledException();
        }
    }

    private sealed class InterruptedStream(InterruptedDisk disk, FileStream inner) : OutputStream
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            bool dies = disk.Operations + 1 >= disk.DiesAt;
            inner.Write(dies ? buffer[..(buffer.Length / 2)] : buffer);
            disk.Live();
        }

        public override void Flush() => inner.Flush();

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }

    private int DiesAt => diesAt;
}

/// <summary>A disk that has room for so many bytes.</summary>
internal sealed class SmallDisk(long roomBytes) : StoreDisk
{
    private long _room = roomBytes;

    public override Stream CreateFile(string path) => new SmallStream(this, File.Create(path));

    private sealed class SmallStream(SmallDisk disk, FileStream inner) : OutputStream
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            int fits = (int)Math.Min(buffer.Length, disk._room);
            inner.Write(buffer[..fits]);
            disk._room -= fits;
            if (fits < buffer.Length)
            {
                throw new IOException("No space left on device");
            }
        }

        public override void Flush() => inner.Flush();

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}

/// <summary>A stream that is only written.</summary>
internal abstract class OutputStream : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
