using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using ControlNet.Native.Tensors.Gpu.Cuda;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>The kernels as they are carried inside the assembly.</summary>
internal static class KernelSource
{
    /// <summary>Where the assembly keeps them.</summary>
    private const string Folder = "kernels/";

    /// <summary>What every file of kernels begins with.</summary>
    private const string Prelude = "prelude.h";

    private static readonly Lazy<string> s_digest = new(() =>
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string name in typeof(KernelSource).Assembly.GetManifestResourceNames().Order(StringComparer.Ordinal))
        {
            if (name.StartsWith(Folder, StringComparison.Ordinal))
            {
                hash.AppendData(Encoding.UTF8.GetBytes(name));
                hash.AppendData(Resource(name[Folder.Length..])!);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    });

    /// <summary>
    /// A file, the prelude and what it includes as one text: drivers need no include path, and whoever hashes it has
    /// seen everything. Lines keep the names and numbers they have in the files.
    /// </summary>
    /// <param name="file">The file under <c>kernels/</c>, without extension.</param>
    public static string Read(string file)
    {
        string name = $"{file}.c";
        return WithPrelude(name, Text(name));
    }

    /// <summary>A text of kernels behind the prelude's, with the other files it includes in their places.</summary>
    /// <param name="name">What compilers call it in their messages.</param>
    /// <param name="text">The kernels.</param>
    public static string WithPrelude(string name, string text)
    {
        StringBuilder whole = new();
        whole.Append("#line 1 \"prelude.h\"\n").Append(Text(Prelude))
            .Append("\n#line 1 \"").Append(name).Append("\"\n");
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (Included(lines[i]) is not { } included)
            {
                whole.Append(lines[i]).Append('\n');
            }
            else if (included == Prelude)
            {
                whole.Append('\n');
            }
            else
            {
                whole.Append("#line 1 \"").Append(included).Append("\"\n").Append(Text(included))
                    .Append("\n#line ").Append(i + 2).Append(" \"").Append(name).Append("\"\n");
            }
        }

        return whole.ToString();
    }

    /// <summary>A hash of all kernels, sources and PTX: whether any of them has changed.</summary>
    public static string Digest => s_digest.Value;

    /// <summary>
    /// The PTX of a module for NVIDIA's driver, ended by a zero: the newest that a device of that compute capability
    /// runs. Null when none was built.
    /// </summary>
    public static byte[]? Ptx(KernelVariant kernel, int compute)
    {
        foreach (PtxTarget target in PtxTarget.Newest)
        {
            if (target.RunsOn(compute) && Resource($"ptx/{PtxName(kernel, target.Name)}") is { } ptx)
            {
                return ptx;
            }
        }

        return Resource($"ptx/{PtxName(kernel)}");
    }

    /// <summary>The name <c>tools/build-ptx.sh</c> gives the PTX of a module.</summary>
    /// <param name="kernel">Any kernel of the module.</param>
    /// <param name="target">What it is compiled for; null for what every file of the dialect is.</param>
    public static string PtxName(KernelVariant kernel, string? target = null) =>
        $"{kernel.Module.Replace(' ', '.')}{(target is null ? "" : $".{target}")}.ptx";

    /// <summary>The file that a line includes; null for any other line.</summary>
    private static string? Included(string line)
    {
        const string Directive = "#include \"";
        string trimmed = line.Trim();
        return trimmed.StartsWith(Directive, StringComparison.Ordinal)
            ? trimmed[Directive.Length..].TrimEnd('"')
            : null;
    }

    private static string Text(string name) => Resource(name) is { } bytes
        ? Encoding.UTF8.GetString(bytes).TrimEnd('\0')
        : throw new InvalidOperationException($"the assembly carries no kernels/{name}");

    private static byte[]? Resource(string name)
    {
        using Stream? stream = typeof(KernelSource).Assembly.GetManifestResourceStream($"{Folder}{name}");
        if (stream is null)
        {
            return null;
        }

        byte[] bytes = new byte[stream.Length + 1];
        stream.ReadExactly(bytes.AsSpan(0, bytes.Length - 1));
        return bytes;
    }
}
