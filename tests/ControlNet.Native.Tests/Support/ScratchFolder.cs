using System;
using System.IO;

namespace ControlNet.Native.Tests.Support;

/// <summary>A folder of its own for one test, removed with everything in it.</summary>
internal sealed class ScratchFolder : IDisposable
{
    /// <summary>Absolute path.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("controlnet-").FullName;

    /// <summary>A path inside, whose folder exists.</summary>
    public string Path(params ReadOnlySpan<string> parts)
    {
        string path = System.IO.Path.Combine([Root, .. parts]);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>Copies a folder of the golden data to the same relative place.</summary>
    public void CopyGolden(string folder)
    {
        string from = Repository.Golden(folder);
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            File.Copy(file, Path(folder, System.IO.Path.GetRelativePath(from, file)));
        }
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
