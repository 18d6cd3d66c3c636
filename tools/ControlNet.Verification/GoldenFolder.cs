using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace ControlNet.Verification;

/// <summary>A file of a golden folder that holds nothing to compare by itself, and why.</summary>
/// <param name="File">Relative path with forward slashes.</param>
/// <param name="Reason">For example <c>text</c> or <c>input of png/hostile.json</c>.</param>
public sealed record IgnoredFile(string File, string Reason);

/// <summary>
/// What lies in a golden folder, sorted into files with expectations and files without. A file is set aside only for
/// a reason that can be printed: a picture whose list is missing is an expectation nobody holds, so it stays.
/// </summary>
public sealed class GoldenFolder
{
    private static readonly Dictionary<string, string> s_provenance = new(StringComparer.Ordinal)
    {
        ["outputs/crosscheck.json"] = "provenance: agreement of the reference with other implementations",
        ["outputs/f32_vs_f64.json"] = "provenance: how the limits were measured",
        ["outputs/mutations.json"] = "provenance: which mistakes the limits catch",
        ["png/hostile_observed.json"] = "provenance: what other readers do with the hostile files",
    };

    /// <summary>
    /// Folders whose files are read through a list: the folder, the ending, the list that names them.
    /// </summary>
    private static readonly (string Folder, string Ending, string List)[] s_lists =
    [
        ("png/valid/", ".png", "png/valid.safetensors"),
        ("png/hostile/", ".png", "png/hostile.json"),
        ("safetensors/files/", "", "safetensors/manifest.json"),
        ("annotators/", ".png", "annotators/annotators.json"),
        ("annotators/", ".safetensors", "annotators/annotators.json"),
    ];

    /// <summary>Lists a folder.</summary>
    /// <param name="root">An existing folder laid out like the golden data.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public GoldenFolder(string root)
    {
        string[] found = [.. Directory
            .EnumerateFiles(root, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(root, path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal)];
        Present = new HashSet<string>(found, StringComparer.Ordinal);
        foreach (string file in found)
        {
            if (ReasonToIgnore(file) is string reason)
            {
                Ignored.Add(new IgnoredFile(file, reason));
            }
            else
            {
                Data.Add(file);
            }
        }
    }

    /// <summary>Every file, whatever it is.</summary>
    public IReadOnlySet<string> Present { get; }

    /// <summary>Files with expectations, sorted.</summary>
    public List<string> Data { get; } = [];

    /// <summary>Files without, sorted.</summary>
    public List<IgnoredFile> Ignored { get; } = [];

    private string? ReasonToIgnore(string file)
    {
        if (s_provenance.TryGetValue(file, out string? provenance))
        {
            return provenance;
        }

        if (file.StartsWith("models/", StringComparison.Ordinal))
        {
            return "a model, read by the checks of outputs/";
        }

        if (file.StartsWith("vocab/", StringComparison.Ordinal))
        {
            return "a vocabulary, read by the checks of tokenizer/";
        }

        foreach ((string folder, string ending, string list) in s_lists)
        {
            if (file.StartsWith(folder, StringComparison.Ordinal) && file.EndsWith(ending, StringComparison.Ordinal)
                && Present.Contains(list))
            {
                return $"input of {list}";
            }
        }

        return Path.GetExtension(file) switch
        {
            ".md" or ".txt" or "" => "text",
            ".json" when Present.Contains(Path.ChangeExtension(file, ".safetensors")) =>
                $"parameters of {Path.ChangeExtension(file, ".safetensors")}",
            _ => null,
        };
    }
}
