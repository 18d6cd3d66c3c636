using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>
/// Where a conversion writes: beside its output under a name of its own, renamed when all is there. What existed is
/// replaced only when asked for, and only when it is a model.
/// </summary>
internal sealed class OutputPlace
{
    private readonly bool _overwrite;

    /// <summary>Looks at the output.</summary>
    /// <param name="path">The file or folder to be written.</param>
    /// <param name="overwrite">Whether a model that is there is replaced.</param>
    /// <param name="inputs">What is read meanwhile; the output must be none of it, nor inside or around it.</param>
    /// <exception cref="ConversionException">It cannot be written.</exception>
    public OutputPlace(string path, bool overwrite, IEnumerable<string> inputs)
    {
        Path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        IsFile = Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
        _overwrite = overwrite;
        string? parent = System.IO.Path.GetDirectoryName(Path);
        if (!Directory.Exists(parent))
        {
            throw Refused($"cannot be written: there is no folder '{MessageText.Name(parent ?? Path)}'");
        }

        foreach (string read in inputs)
        {
            string input = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(read));
            if (input == Path || IsInside(input, Path) || (IsInside(Path, input) && Directory.Exists(input)))
            {
                throw Refused(
                    $"is read from while it would be written ('{MessageText.Name(input)}'); name another place");
            }
        }

        CheckExisting();
    }

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary>Whether a single file is written rather than a folder.</summary>
    public bool IsFile { get; }

    /// <summary>Refuses to begin what the disk has no room for.</summary>
    /// <exception cref="ConversionException">There are fewer bytes free.</exception>
    public void RequireSpace(long bytes)
    {
        long free;
        try
        {
            free = new DriveInfo(System.IO.Path.GetDirectoryName(Path)!).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // A file system that does not tell; the write itself will.
            return;
        }

        if (bytes > free)
        {
            throw Refused($"needs {bytes} bytes, but {free} are free; free some, or write a smaller type");
        }
    }

    /// <summary>Writes a folder: all of it, or nothing.</summary>
    /// <param name="write">Fills the folder whose path it is given.</param>
    /// <exception cref="ConversionException">The disk refused.</exception>
    public void WriteFolder(Action<string> write)
    {
        string beside = $"{Path}.{Guid.NewGuid():N}.tmp", old = beside + ".old";
        try
        {
            Directory.CreateDirectory(beside);
            write(beside);
            CheckExisting();
            bool replaces = Directory.Exists(Path);
            if (replaces)
            {
                Directory.Move(Path, old);
            }

            try
            {
                Directory.Move(beside, Path);
            }
            catch when (replaces)
            {
                Directory.Move(old, Path);
                throw;
            }

            if (replaces)
            {
                Directory.Delete(old, recursive: true);
            }
        }
        catch (Exception e)
        {
            TryDelete(beside);
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new ConversionException($"{MessageText.Name(Path)}: cannot be written ({e.Message})", e);
            }

            throw;
        }
    }

    private void CheckExisting()
    {
        if (IsFile ? Directory.Exists(Path) : File.Exists(Path))
        {
            throw Refused(IsFile
                ? "is a folder, but a name that ends in .safetensors is a file; name another"
                : "is a file, but a name that does not end in .safetensors is a folder; name another");
        }

        bool exists = IsFile
            ? File.Exists(Path)
            : Directory.Exists(Path) && Directory.EnumerateFileSystemEntries(Path).Any();
        if (exists && !_overwrite)
        {
            throw Refused("exists; name another, or set Overwrite (--force) to replace it");
        }

        if (exists && !IsFile && !IsModel())
        {
            throw Refused("holds something other than a model and is not replaced; name another folder");
        }
    }

    private bool IsModel() => File.Exists(System.IO.Path.Combine(Path, "model_index.json"))
        || (File.Exists(System.IO.Path.Combine(Path, "config.json")) && TensorFiles.HasWeights(Path));

    private static bool IsInside(string path, string folder) =>
        path.StartsWith(folder + System.IO.Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static void TryDelete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure being reported is the one that matters.
        }
    }

    private ConversionException Refused(string problem) => new($"{MessageText.Name(Path)}: {problem}");
}
