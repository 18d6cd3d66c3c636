using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.House;

/// <summary>
/// Who may name whom: no file names a type of a folder that lies above its own. Words rather than using lines, because
/// nested namespaces see their parents without one; comments and strings are ignored.
/// </summary>
public sealed class LayerTests
{
    /// <summary>A type declared at the top level of a file, which this code base never indents.</summary>
    private static readonly Regex s_declaration = new(
        @"^(public|internal)( [a-z]+)* (class|record struct|record|struct|interface|enum|delegate \S+) (?<name>\w+)");

    /// <summary>A word that is not a member of something.</summary>
    private static readonly Regex s_word = new(@"(?<![\w.])[A-Z]\w+");

    private const string Engine = "ControlNet.Native.Tensors";
    private const string Library = "ControlNet.Native";

    /// <summary>
    /// Members of a folder that happen to be called as a type of another: enum members and properties.
    /// </summary>
    private static readonly Dictionary<string, string[]> s_homonyms = new()
    {
        [$"{Engine}/Basics"] = ["Silu", "Gelu", "QuickGelu", "GeluTanh", "Sigmoid", "Relu", "Tanh"],
        [$"{Library}/Weights"] = ["Prediction", "PredictionType"],
        [$"{Library}/Control"] = ["GuessRamp"],
        [$"{Library}/Sampling"] = ["Linear"],
        [$"{Library}/Preprocessing"] = ["Linear"],
        [$"{Library}/Imaging"] = ["Grey"],
    };

    private static readonly string[] s_assemblies = [Engine, Library];

    private static readonly string[] s_libraryFolders =
    [
        "Weights", "Imaging", "Nn", "Text", "Unet", "Control", "Vae", "Sampling", "Preprocessing", "Pipeline",
        "Training",
    ];

    /// <summary>A folder below src, and the folders whose types it must not name.</summary>
    public static TheoryData<string, string[]> Layers => new()
    {
        { $"{Engine}/Basics", Of("Contracts", "Core", "Ops", "Cpu", "Gpu") },
        { $"{Engine}/Contracts", Of("Core", "Ops", "Cpu", "Gpu") },
        { $"{Engine}/Cpu", Of("Core", "Ops", "Gpu") },
        { $"{Engine}/Gpu", Of("Core", "Ops", "Cpu") },
        { $"{Engine}/Core", Of("Ops", "Cpu", "Gpu") },
        { $"{Engine}/Ops", Of("Cpu", "Gpu", "SelfTest") },
        { $"{Engine}/SelfTest", Of("Cpu", "Gpu") },
        { $"{Library}/Messages", Above() },
        { $"{Library}/Weights", Above("Weights") },
        { $"{Library}/Imaging", Above("Imaging", "Weights") },
        { $"{Library}/Nn", Above("Nn", "Weights") },
        { $"{Library}/Text", Above("Text", "Weights", "Nn") },
        { $"{Library}/Unet", Above("Unet", "Weights", "Nn") },
        { $"{Library}/Control", Above("Control", "Weights", "Nn", "Unet") },
        { $"{Library}/Vae", Above("Vae", "Weights", "Nn", "Unet") },
        { $"{Library}/Sampling", Above("Sampling") },
        { $"{Library}/Preprocessing", Above("Preprocessing", "Imaging", "Weights", "Sampling") },
        { $"{Library}/Pipeline", [$"{Library}/Training"] },
        { $"{Library}/Training", [] },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void Names_only_what_lies_below(string folder, string[] forbidden)
    {
        string[] own = [.. TypesOf(folder), .. s_homonyms.GetValueOrDefault(folder, [])];
        Dictionary<string, string> types = new(StringComparer.Ordinal);
        foreach (string other in forbidden)
        {
            foreach (string type in TypesOf(other).Except(own))
            {
                types[type] = other;
            }
        }

        Assert.NotEmpty(own);
        List<string> found = [];
        foreach (string file in Files(folder))
        {
            string[] lines = File.ReadAllLines(file);
            for (int i = 0; i < lines.Length; i++)
            {
                foreach (Match word in s_word.Matches(CodeOf(lines[i])))
                {
                    if (types.TryGetValue(word.Value, out string? other))
                    {
                        found.Add($"{folder}/{Path.GetFileName(file)}:{i + 1} names '{word.Value}' of {other}");
                    }
                }
            }
        }

        Assert.True(found.Count == 0, string.Join(Environment.NewLine, found));
    }

    [Fact]
    public void Every_folder_of_the_library_has_a_layer()
    {
        string[] listed = [.. Layers.Select(row => (string)row[0])];
        foreach (string assembly in s_assemblies)
        {
            IEnumerable<string> folders = Directory.EnumerateDirectories(Path.Combine(Repository.Root, "src", assembly))
                .Select(path => Path.GetFileName(path))
                .Where(name => name is not ("bin" or "obj"));
            Assert.All(folders, name => Assert.Contains($"{assembly}/{name}", listed));
        }
    }

    [Fact]
    public void Every_contract_has_its_files()
    {
        List<string> missing = [];
        foreach (string contract in Directory.EnumerateFiles(
            Path.Combine(Repository.Root, "src/ControlNet.Native.Tensors/Contracts"), "*Contract.cs"))
        {
            string op = Path.GetFileName(contract)[..^"Contract.cs".Length];
            string[] expected =
            [
                $"src/ControlNet.Native.Tensors/Ops/{op}.cs",
                $"src/ControlNet.Native.Tensors/Cpu/Cpu{op}.cs",
                $"src/ControlNet.Native.Tensors/Gpu/Gpu{op}.cs",
                $"kernels/{KernelFile(op)}.c",
                $"tests/Cases/{op}Cases.cs",
                $"tests/ControlNet.Native.Tests/Ops/{op}Tests.cs",
                $"tests/ControlNet.Native.Tests/Support/Reference{op}.cs",
                $"bench/ControlNet.Native.Bench/{op}Bench.cs",
            ];
            missing.AddRange(expected.Where(file => !File.Exists(Path.Combine(Repository.Root, file))));
        }

        Assert.True(missing.Count == 0, "missing: " + string.Join(", ", missing));
    }

    /// <summary>The file of kernels of an op: group_norm for GroupNorm, and matmul in one word.</summary>
    private static string KernelFile(string op) =>
        op == "MatMul" ? "matmul" : Regex.Replace(op, "(?<=[a-z])(?=[A-Z])", "_").ToLowerInvariant();

    /// <summary>Every folder of the library but the named ones: what a folder at that height must not name.</summary>
    private static string[] Above(params string[] allowed) =>
    [
        .. s_libraryFolders.Except(allowed).Select(name => $"{Library}/{name}"),
    ];

    /// <summary>Folders of the engine.</summary>
    private static string[] Of(params string[] names) => [.. names.Select(name => $"{Engine}/{name}")];

    /// <summary>The types declared in a folder.</summary>
    private static IEnumerable<string> TypesOf(string folder) => Files(folder)
        .SelectMany(File.ReadAllLines)
        .Select(line => s_declaration.Match(CodeOf(line)))
        .Where(match => match.Success)
        .Select(match => match.Groups["name"].Value)
        .Distinct();

    private static IEnumerable<string> Files(string folder)
    {
        string root = Path.Combine(Repository.Root, "src", folder);
        Assert.True(Directory.Exists(root), $"{root} is gone; mend the list of layers");
        return Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories);
    }

    /// <summary>
    /// A line without its comment, its strings and the words that only name an assembly or namespace root.
    /// </summary>
    internal static string CodeOf(string line)
    {
        string code = Regex.Replace(line, "\"(\\\\.|[^\"\\\\])*\"", "\"\"");
        code = Regex.Replace(code, "//.*$", string.Empty);
        return Regex.Replace(code, @"\bControlNet\.Native\.Tensors\b(\.Contracts)?", string.Empty);
    }
}
