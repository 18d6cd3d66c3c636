using System;
using System.Runtime.InteropServices;
using System.Text;

namespace ControlNet.Native.Training;

/// <summary>
/// Brings the entries of a folder to the disk, which the runtime has no call for: without it a power cut may undo a
/// rename although the file itself was flushed. On Linux only; elsewhere nothing happens.
/// </summary>
internal static unsafe class FolderSync
{
    // O_RDONLY | O_CLOEXEC; the same number on every architecture .NET runs on.
    private const int ReadOnly = 0x80000;

    private static readonly delegate* unmanaged<byte*, int, int> s_open =
        (delegate* unmanaged<byte*, int, int>)Find("open");

    private static readonly delegate* unmanaged<int, int> s_fsync = (delegate* unmanaged<int, int>)Find("fsync");

    private static readonly delegate* unmanaged<int, int> s_close = (delegate* unmanaged<int, int>)Find("close");

    /// <summary>Flushes a folder's entries.</summary>
    /// <returns>
    /// Whether the system did it. A file system that cannot flush folders leaves what .NET does everywhere: the rename
    /// is atomic, and a power cut right after may bring the old name back.
    /// </returns>
    public static bool Flush(string folder)
    {
        if (s_open == null || s_fsync == null || s_close == null)
        {
            return false;
        }

        int file;
        fixed (byte* path = Encoding.UTF8.GetBytes(folder + '\0'))
        {
            file = s_open(path, ReadOnly);
        }

        if (file < 0)
        {
            return false;
        }

        bool done = s_fsync(file) == 0;
        _ = s_close(file);
        return done;
    }

    // Looked up among the symbols of the process, so that no C library needs to be named.
    private static nint Find(string name) =>
        OperatingSystem.IsLinux()
        && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), name, out nint address)
            ? address
            : 0;
}
