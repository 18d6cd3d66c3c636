using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using ControlNet.Native.Tensors.Gpu;

namespace ControlNet.Native.Tests.Support;

/// <summary>A kernel as its file under <c>kernels/</c> declares it.</summary>
/// <param name="File">The file, without extension; <c>nv/matmul_mma</c> where it is in a folder.</param>
/// <param name="Entry">The kernel's name.</param>
/// <param name="Block">Threads of a block.</param>
/// <param name="Parameters">What it takes, in order; a buffer counts once.</param>
internal sealed partial record KernelSignature(string File, string Entry, GridSize Block, string Parameters)
{
    /// <summary>The signatures of all kernels.</summary>
    public static KernelSignature[] All()
    {
        List<KernelSignature> found = [];
        string folder = Path.Combine(Repository.Root, "kernels");
        foreach (string path in Directory.EnumerateFiles(folder, "*.c", SearchOption.AllDirectories))
        {
            string file = Path.ChangeExtension(Path.GetRelativePath(folder, path), null).Replace('\\', '/');
            string source = System.IO.File.ReadAllText(path);
            string text = Comment().Replace($"{source}\n{Included(source, path)}", "");
            Dictionary<string, string> numbers = Number().Matches(text).DistinctBy(m => m.Groups["name"].Value)
                .ToDictionary(m => m.Groups["name"].Value, m => m.Groups["value"].Value, StringComparer.Ordinal);
            int Extent(Group group) => int.Parse(
                numbers.GetValueOrDefault(group.Value, group.Value), CultureInfo.InvariantCulture);
            found.AddRange(Declaration().Matches(text).Select(m => new KernelSignature(
                file, m.Groups["entry"].Value,
                new GridSize(Extent(m.Groups["x"]), Extent(m.Groups["y"]), Extent(m.Groups["z"])),
                Kinds(m.Groups["parameters"].Value))));
        }

        return [.. found];
    }

    /// <summary>The arguments of a launch, in the words of <see cref="Parameters"/>.</summary>
    public static string Kinds(ReadOnlySpan<KernelArgument> arguments)
    {
        List<string> kinds = [];
        foreach (KernelArgument argument in arguments)
        {
            kinds.Add(argument switch
            {
                { IsBuffer: true } => "buffer",
                { Map: not null } => "map",
                { IsFloat: true } => "float",
                { Bytes: sizeof(long) } => "i64",
                _ => "int",
            });
        }

        return string.Join(' ', kinds);
    }

    /// <summary>The headers a file includes, which may say how large its blocks are.</summary>
    private static string Included(string text, string path) => string.Join('\n', Include().Matches(text)
        .Select(m => Path.Combine(Path.GetDirectoryName(path)!, m.Groups["name"].Value))
        .Where(System.IO.File.Exists).Select(System.IO.File.ReadAllText));

    private static string Kinds(string parameters) => string.Join(' ', Parameter().Matches(parameters).Select(
        m => m.Groups["buffer"].Success ? "buffer" : m.Groups["map"].Success ? "map" : m.Groups["type"].Value));

    [GeneratedRegex(@"/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"^#include ""(?<name>\w+\.h)""$", RegexOptions.Multiline)]
    private static partial Regex Include();

    [GeneratedRegex(@"^#define (?<name>\w+) (?<value>\d+)$", RegexOptions.Multiline)]
    private static partial Regex Number();

    [GeneratedRegex(
        @"KERNEL\((?<entry>\w+), (?<x>\w+), (?<y>\w+), (?<z>\w+)\)\s*\((?<parameters>[^{]*)\)\s*\{")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"(?<buffer>(IN|OUT)\(\w+, \w+\))|(?<map>MAP\(\w+\))|(?<type>\w+) \w+")]
    private static partial Regex Parameter();
}
