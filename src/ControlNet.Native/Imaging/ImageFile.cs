using System;
using System.Globalization;
using System.IO;
using System.Security;

namespace ControlNet.Native.Imaging;

/// <summary>Whole files in and out. Failures of the operating system become <see cref="ImageFileException"/>.</summary>
internal static class ImageFile
{
    /// <summary>Largest file read, in bytes: above any PNG within <see cref="RgbImage.MaxPixels"/>.</summary>
    public const long MaxBytes = 1L << 30;

    /// <summary>Reads a regular file.</summary>
    /// <exception cref="ImageFileException">It cannot be opened or read.</exception>
    /// <exception cref="ImageFormatException">It is larger than <see cref="MaxBytes"/> or not a regular
    /// file.</exception>
    public static byte[] Read(string path)
    {
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            if (!stream.CanSeek)
            {
                throw new ImageFormatException(path, "is a pipe or device; pass a regular file");
            }

            long bytes = stream.Length;
            if (bytes > MaxBytes)
            {
                throw new ImageFormatException(
                    path, $"has {bytes} bytes, more than the limit of {MaxBytes}; save the picture smaller");
            }

            byte[] file = new byte[bytes];
            stream.ReadExactly(file);
            return file;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ImageFileException(path, "no such file; check the path", e);
        }
        catch (Exception e) when (IsSystemRefusal(e))
        {
            throw new ImageFileException(path, $"cannot be read ({e.Message})", e);
        }
    }

    /// <summary>
    /// Writes a file so that readers see the old one or the new one, never a part: a temporary file in the same folder,
    /// flushed to the disk, then renamed over the target.
    /// </summary>
    /// <exception cref="ImageFileException">It cannot be written; the temporary file is gone again.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        string temporary = string.Create(
            CultureInfo.InvariantCulture, $"{path}.{Environment.ProcessId}-{Guid.NewGuid():n}.tmp");
        bool created = false;
        try
        {
            using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                created = true;
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (IsSystemRefusal(e))
        {
            if (created)
            {
                Discard(temporary);
            }

            throw new ImageFileException(
                path, $"cannot be written ({e.Message}); choose another folder or free space", e);
        }
    }

    private static void Discard(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (IsSystemRefusal(e))
        {
            // The caller reports the failure that came first; a folder that vanished took the file with it.
        }
    }

    private static bool IsSystemRefusal(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException
            or SecurityException;
}
