using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.House;

/// <summary>
/// Who may name whom. Words rather than using lines, because nested namespaces see their parents without one; comments,
/// strings and the names of the assemblies are ignored.
/// </summary>
public sealed class LayerTests
{
    /// <summary>Folder below src, and the words its files must not contain.</summary>
    public static TheoryData<string, string[]> Layers => new()
    {
        { "ControlNet.Native.Tensors/Basics", ["Contracts", "Backend", "Tensor", "TensorScope", "Cpu", "Gpu", "Ops"] },
        { "ControlNet.Native.Tensors/Contracts", ["Tensor", "TensorScope", "PackedWeight", "Cpu", "Gpu", "Ops"] },
        { "ControlNet.Native.Tensors/Cpu", ["Tensor", "TensorScope", "PackedWeight", "Gpu", "Ops", "Devices"] },
        { "ControlNet.Native.Tensors/Core", ["Cpu", "Gpu", "Devices"] },
        { "ControlNet.Native.Tensors/Ops", ["Cpu", "Gpu", "Devices"] },
        { "ControlNet.Native/Weights", ["Nn", "Module", "UnetModel", "ControlNetModel", "VaeEncoder", "VaeDecoder", "ClipTextModel", "Sampling", "Imaging", "Pipeline"] },
        { "ControlNet.Native/Imaging", ["Weights", "Nn", "Module", "Text", "Unet", "Control", "Vae", "Sampling", "Pipeline"] },
        { "ControlNet.Native/Nn", ["Text", "Unet", "Control", "Vae", "Sampling", "Imaging", "Pipeline"] },
        { "ControlNet.Native/Text", ["Unet", "Control", "Vae", "Sampling", "Imaging", "Pipeline"] },
        { "ControlNet.Native/Unet", ["Text", "Vae", "Sampling", "Imaging", "Pipeline"] },
        { "ControlNet.Native/Control", ["Text", "Vae", "Sampling", "Imaging", "Pipeline"] },
        { "ControlNet.Native/Vae", ["Text", "Control", "Sampling", "Imaging", "Pipeline"] },
        { "ControlNet.Native/Sampling", ["Weights", "Nn", "Module", "Text", "Unet", "Control", "Vae", "Imaging", "Pipeline"] },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void Names_only_what_lies_below(string folder, string[] forbidden)
    {
        string root = Path.Combine(Repository.Root, "src", folder);
        Assert.True(Directory.Exists(root), $"{root} is gone; mend this list");
        Regex words = new($@"(?<![\w.])({string.Join('|', forbidden)})\b");
        List<string> found = [];
        foreach (string file in Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories))
        {
            string[] lines = File.ReadAllLines(file);
            for (int i = 0; i < lines.Length; i++)
            {
                if (words.Match(CodeOf(lines[i])) is { Success: true } match)
                {
                    found.Add($"{folder}/{Path.GetFileName(file)}:{i + 1} names '{match.Value}'");
                }
            }
        }

        Assert.True(found.Count == 0, string.Join(Environment.NewLine, found));
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
                $"tests/Cases/{op}Cases.cs",
                $"tests/ControlNet.Native.Tests/Ops/{op}Tests.cs",
                $"tests/ControlNet.Native.Tests/Support/Reference{op}.cs",
                $"bench/ControlNet.Native.Bench/{op}Bench.cs",
            ];
            missing.AddRange(expected.Where(file => !File.Exists(Path.Combine(Repository.Root, file))));
        }

        Assert.True(missing.Count == 0, "missing: " + string.Join(", ", missing));
    }

    /// <summary>A line without its comment, its strings and the words that only name an assembly or namespace root.</summary>
    internal static string CodeOf(string line)
    {
        string code = Regex.Replace(line, "\"(\\\\.|[^\"\\\\])*\"", "\"\"");
        code = Regex.Replace(code, "//.*$", string.Empty);
        return Regex.Replace(code, @"\bControlNet\.Native\.Tensors\b(\.Contracts)?", string.Empty);
    }
}
