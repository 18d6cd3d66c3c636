using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.House;

/// <summary>Rules every source file keeps.</summary>
public sealed class SourceTests
{
    private const int LineLimit = 400;
    private const int ColumnLimit = 120;

    /// <summary>Files that may be longer, each with its reason.</summary>
    private static readonly Dictionary<string, string> s_longFiles = new(StringComparer.Ordinal);

    /// <summary>
    /// Folders whose code reads untrusted bytes: bad input must end in an exception, never in a dead process.
    /// </summary>
    private static readonly string[] s_parsers =
    [
        "src/ControlNet.Native/Weights", "src/ControlNet.Native/Imaging", "src/ControlNet.Native/Text",
        "src/ControlNet.Native/Training/Data", "src/ControlNet.Native/Preprocessing",
    ];

    private static readonly string[] s_folders = ["src", "tools", "tests", "bench"];

    [Fact]
    public void Files_are_short()
    {
        List<string> found = [];
        foreach (string file in Sources())
        {
            int lines = File.ReadAllLines(Path.Combine(Repository.Root, file)).Length;
            if (lines > LineLimit && !s_longFiles.ContainsKey(file))
            {
                found.Add($"{file} has {lines} lines, the limit is {LineLimit}: one concept a file");
            }
        }

        Assert.True(found.Count == 0, string.Join(Environment.NewLine, found));
    }

    [Fact]
    public void Lines_fit_the_page()
    {
        List<string> found = [];
        foreach (string file in Sources())
        {
            string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, file));
            for (int i = 0; i < lines.Length; i++)
            {
                if (lines[i].Length > ColumnLimit)
                {
                    found.Add($"{file}:{i + 1} has {lines[i].Length} characters, the limit is {ColumnLimit}");
                }
            }
        }

        Assert.True(found.Count == 0, string.Join(Environment.NewLine, found));
    }

    [Fact]
    public void Nothing_is_left_undone()
    {
        Regex marks = new(@"\b(TODO|FIXME|HACK)\b|NotImplementedException|\bSkip\s*=");
        IEnumerable<string> found = Sources()
            .Where(file => !file.EndsWith("House/SourceTests.cs", StringComparison.Ordinal))
            .Where(file => marks.IsMatch(File.ReadAllText(Path.Combine(Repository.Root, file))));
        Assert.Empty(found);
    }

    [Fact]
    public void Parsers_use_no_unsafe_code()
    {
        Regex unsafeCode = new(@"\bunsafe\b|\bUnsafe\b|\bfixed\s*\(|\bstackalloc\b[^;]*\*");
        List<string> found = [];
        foreach (string file in Sources().Where(IsParser))
        {
            string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, file));
            for (int i = 0; i < lines.Length; i++)
            {
                if (unsafeCode.IsMatch(LayerTests.CodeOf(lines[i])))
                {
                    found.Add($"{file}:{i + 1}");
                }
            }
        }

        Assert.True(found.Count == 0, "unsafe code in a parser: " + string.Join(", ", found));
    }

    [Fact]
    public void The_library_references_no_package()
    {
        string source = Path.Combine(Repository.Root, "src");
        foreach (string project in Directory.EnumerateFiles(source, "*.csproj", SearchOption.AllDirectories))
        {
            Assert.DoesNotContain("PackageReference", File.ReadAllText(project), StringComparison.Ordinal);
        }
    }

    /// <summary>Every hand-written C# file, relative to the repository; generated ones end in <c>.g.cs</c>.</summary>
    private static IEnumerable<string> Sources() =>
        s_folders
            .Select(folder => Path.Combine(Repository.Root, folder))
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
            .Where(file => !Regex.IsMatch(file, @"(^|/)(bin|obj)/"))
            .Where(file => !file.EndsWith(".g.cs", StringComparison.Ordinal));

    private static bool IsParser(string file) =>
        s_parsers.Any(folder => file.StartsWith(folder, StringComparison.Ordinal));
}
