using System.IO;

namespace ControlNet.Native.Training;

/// <summary>
/// What a store does to the disk, one method for each thing that can be interrupted or refused. Tests stop it at every
/// one of them.
/// </summary>
internal class StoreDisk
{
    /// <summary>A new file, to be written.</summary>
    public virtual Stream CreateFile(string path) =>
        new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 20);

    /// <summary>Waits until the bytes of a file are on the disk.</summary>
    public virtual void FlushFile(Stream file)
    {
        file.Flush();
        (file as FileStream)?.Flush(flushToDisk: true);
    }

    /// <summary>A folder and those above it.</summary>
    public virtual void CreateFolder(string path) => Directory.CreateDirectory(path);

    /// <summary>Renames a folder to a name that is free.</summary>
    public virtual void MoveFolder(string from, string to) => Directory.Move(from, to);

    /// <summary>Removes a folder with the files in it.</summary>
    public virtual void DeleteFolder(string path) => Directory.Delete(path, recursive: true);

    /// <summary>Waits until the names in a folder are on the disk.</summary>
    public virtual void SyncFolder(string path) => FolderSync.Flush(path);
}
