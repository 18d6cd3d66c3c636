using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Cli;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.House;

/// <summary>What README and architecture say is so.</summary>
public sealed class ReadmeTests
{
    private static string Readme => File.ReadAllText(Path.Combine(Repository.Root, "README.md"));

    [Theory]
    [InlineData("README.md", "ReadmeSample.cs")]
    [InlineData("docs/controls.md", "ControlsSample.cs")]
    public void The_sample_is_the_one_that_compiles(string page, string file)
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, page));
        string sample = Regex.Match(text, "```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        string compiled = File.ReadAllText(
            Path.Combine(Repository.Root, "tests/ControlNet.Native.Tests/House", file));
        string[] wanted = Statements(sample);
        Assert.NotEmpty(wanted);
        Assert.Equal(wanted, Statements(compiled).Intersect(wanted));
    }

    [Fact]
    public async Task The_first_command_makes_an_image()
    {
        string command = Regex.Match(Readme, @"dotnet run .*? -- (generate .*)").Groups[1].Value;
        string[] arguments =
        [
            .. Regex.Matches(command, "\"([^\"]*)\"|(\\S+)")
                .Select(m => m.Groups[1].Success ? m.Groups[1].Value : m.Value),
        ];
        string output = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.png");
        arguments[Array.IndexOf(arguments, "--output") + 1] = output;
        try
        {
            CliRun run = await CliRun.Of(arguments);
            Assert.True(run.ExitCode == 0, run.Error);
            PngImage image = PngImage.Load(output);
            Assert.Equal((128, 128), (image.Width, image.Height));
            Assert.Contains(image.Text, text => text.Keyword == GeneratedImage.ParametersKey);
        }
        finally
        {
            File.Delete(output);
        }
    }

    /// <summary>A path in backticks that ends like a file or folder of ours is one.</summary>
    [Theory]
    [InlineData("README.md")]
    [InlineData("docs/architecture.md")]
    [InlineData("docs/numerics.md")]
    [InlineData("docs/controls.md")]
    public void Names_files_that_are_there(string page)
    {
        string[] known =
        [
            .. Directory.EnumerateFiles(Repository.Root, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
                .Where(file => !Regex.IsMatch(file, @"(^|/)(bin|obj|\.git)/")),
        ];
        List<string> missing = [];
        foreach (Match match in Regex.Matches(
            File.ReadAllText(Path.Combine(Repository.Root, page)), @"`([\w./]+\.(?:cs|md|json|txt|h|c))`"))
        {
            string name = match.Groups[1].Value;
            bool isPattern = name.Contains("X.cs", StringComparison.Ordinal) || s_users.Contains(name);
            if (!isPattern && !known.Any(file => file == name || file.EndsWith("/" + name, StringComparison.Ordinal)))
            {
                missing.Add(name);
            }
        }

        Assert.True(missing.Count == 0, $"{page} names files that are not there: {string.Join(", ", missing)}");
    }

    /// <summary>Files the pages name that users bring, and kernels that are announced as still to come.</summary>
    private static readonly string[] s_users =
    [
        "vocab.json", "merges.txt", "config.json", "prompt.json", "prelude.h", "pointwise.c", "matmul.c", "conv2d.c",
        "group_norm.c", "attention.c",
    ];

    private static string[] Statements(string code) =>
    [
        .. code.Split('\n').Select(line => line.Trim())
            .Where(line => line.Length > 2 && line != "using System;")
            .Where(line => !line.StartsWith("using ControlNet", StringComparison.Ordinal)),
    ];
}
