using System;
using System.IO;

namespace ControlNet.Cli;

/// <summary>Finds out before the long work whether its result can be written, and leaves nothing behind.</summary>
internal static class OutputPath
{
    /// <summary>Checks one path.</summary>
    /// <param name="option">The option it was given with, for the message.</param>
    /// <param name="path">The file to be written or replaced.</param>
    /// <param name="extension">What its name must end in, for example <c>.png</c>.</param>
    /// <exception cref="UsageException">It cannot be written.</exception>
    public static void Check(string option, string path, string extension)
    {
        if (!path.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
        {
            throw new UsageException($"{option} '{path}' must end in {extension}");
        }

        if (Directory.Exists(path))
        {
            throw new UsageException($"{option} '{path}' is a folder; name a file in it");
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            throw new UsageException($"{option} '{path}' cannot be written: there is no folder '{folder}'");
        }

        try
        {
            if (File.Exists(path))
            {
                using FileStream existing = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            }

            string probe = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
            using FileStream created = new(
                probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{option} '{path}' cannot be written ({e.Message})", e);
        }
    }
}
