using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

public sealed class DatasetTests
{
    [Theory]
    [InlineData("shapes", "edges")]
    [InlineData("fill50k", null)]
    public async Task A_set_is_drawn_into_a_folder(string name, string? hint)
    {
        using ScratchFolder scratch = new();
        string folder = scratch.Path("set");

        CliRun run = await CliRun.Of(
            "dataset", name, "--count", "4", "--size", "24", "--seed", "7", "--out", folder);

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal($"{folder}: 4 samples of 24x24, seed 7", run.Output.Trim());
        Assert.Empty(run.Error);
        TrainingFolder set = TrainingFolder.Open(folder, new() { Hint = hint });
        Assert.Equal(4, set.Count);
        Assert.Equal(24, set.Load(3, 24, 24).Target.Width);
    }

    [Theory]
    [InlineData("dataset", "no command given; there are 'fill50k', 'shapes'; see controlnet dataset --help")]
    [InlineData(
        "dataset cats", "unknown command 'cats'; there are 'fill50k', 'shapes'; see controlnet dataset --help")]
    [InlineData("dataset shapes --out x", "*'--count'*; see controlnet dataset shapes --help")]
    [InlineData("dataset shapes --count 1", "*'--out'*; see controlnet dataset shapes --help")]
    [InlineData("dataset shapes --count 0 --out x", "--count is 0, but must be from 1 to 1000000")]
    [InlineData("dataset shapes --count 1 --size 15 --out x", "--size is 15, but must be from 16 to 4096")]
    [InlineData(
        "dataset fill50k --count 1 --seed -1 --out x", "--seed is -1, but must be from 0 to 9223372036854775807")]
    [InlineData("dataset fill50k --count 1 --threads 1025 --out x", "--threads is 1025, but must be from 0 to 1024")]
    [InlineData(
        "dataset fill50k --count many --out x",
        "option '--count' needs a whole number, got 'many'; see controlnet dataset fill50k --help")]
    [InlineData(
        "dataset shapes --count 1 --out src",
        "'src' is not empty; name another folder, or pass --overwrite to replace the set in it")]
    public async Task A_command_line_that_cannot_be_used(string arguments, string sentence)
    {
        CliRun run = await CliRun.Of(arguments.Split(' '));

        Assert.Equal(2, run.ExitCode);
        Assert.Matches(Wildcard.Pattern($"error: {sentence}"), Assert.Single(run.ErrorLines));
        Assert.False(Directory.Exists(Path.Combine(Repository.Root, "x")));
    }

    [Fact]
    public async Task An_interrupt_ends_the_drawing_without_a_list()
    {
        using ScratchFolder scratch = new();
        string folder = scratch.Path("set");
        using Process process = CliRun.Start(["dataset", "shapes", "--count", "1000000", "--out", folder]);
        for (int i = 0; i < 600 && !File.Exists(Path.Combine(folder, "target", "3.png")); i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }

        using (Process kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
        {
            await kill.WaitForExitAsync();
        }

        CliRun run = await CliRun.Finish(process);
        Assert.Equal(130, run.ExitCode);
        Assert.Equal("cancelled", Assert.Single(run.ErrorLines));
        Assert.False(File.Exists(Path.Combine(folder, "prompt.json")));
    }
}
