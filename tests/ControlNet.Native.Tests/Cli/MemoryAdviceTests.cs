using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary>What <c>generate --max-memory</c> says when an image does not fit.</summary>
public sealed partial class MemoryAdviceTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_size_it_names_fits_and_the_next_larger_one_does_not()
    {
        string output = _folder.Path("out.png");
        string[] arguments =
        [
            "generate", "-m", "tests/Golden/models/sd1-tiny", "-p", "a cat", "--steps", "2", "--max-memory", "100MiB",
            "-o", output,
        ];
        CliRun refused = await CliRun.Of([.. arguments, "-W", "2048", "-H", "1536"]);
        Assert.Equal(2, refused.ExitCode);
        Assert.False(File.Exists(output));
        Match size = Size().Match(Assert.Single(refused.ErrorLines));
        Assert.True(size.Success, refused.Error);

        int eighths = int.Parse(size.Groups[1].Value, CultureInfo.InvariantCulture) / 256;
        Assert.Equal($"{192 * eighths}", size.Groups[2].Value);
        Assert.InRange(await Smallest(eighths), 0.01, 0.10);
        Assert.InRange(await Smallest(eighths + 1), 0.10, 1);
        Assert.False(File.Exists(output));

        async Task<double> Smallest(int share)
        {
            CliRun run = await CliRun.Of(
                [.. arguments, "-W", $"{256 * share}", "-H", $"{192 * share}", "--estimate-memory"]);
            return run.Output.TrimEnd().Split('\n').Min(line =>
                double.Parse(line[..line.IndexOf(' ', StringComparison.Ordinal)], CultureInfo.InvariantCulture));
        }
    }

    [GeneratedRegex(
        @"the work takes at least [0-9]+ bytes .*--width ([0-9]+) --height ([0-9]+) would fit with F16 weights")]
    private static partial Regex Size();
}
