using System;
using System.IO;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Tests.Training;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

public sealed class EvaluateTests : IDisposable
{
    private readonly TrainingSandbox _box = new();

    public void Dispose() => _box.Dispose();

    [Fact]
    public async Task A_table_has_a_row_for_each_way_of_asking_and_says_what_changes_nothing()
    {
        _box.Train(TrainingSandbox.Net, "run");
        string net = _box.Path("run/final");
        CliRun run = await CliRun.Of((
            $"evaluate --model {TrainingSandbox.Base} --control edges={net} --control depth={net} " +
            $"--compare again:edges={net} --scenes 2 --size 32 --steps 2 --threads 2 " +
            $"--out {_box.Path("report")}").Split(' '));
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("| prompt only |", run.Output);
        Assert.Contains("| prompt + edges |", run.Output);
        Assert.Contains("| depth, empty prompt (guess mode) |", run.Output);
        Assert.Contains("| prompt + edges + depth |", run.Output);
        Assert.Contains("| edges, again, empty prompt |", run.Output);
        Assert.Contains("Scale 0 gives the base model's pictures bit for bit: yes.", run.Output);
        Assert.Contains("A network at step 0 does: yes.", run.Output);
        Assert.True(File.Exists(_box.Path("report/evaluation.png")));
    }

    [Fact]
    public async Task A_network_that_speaks_at_step_zero_is_told()
    {
        _box.Train(TrainingSandbox.Net, "run");
        string net = _box.Path("run/final");
        CliRun run = await CliRun.Of((
            $"evaluate --model {TrainingSandbox.Base} --control edges={net} --untrained edges={net} --scenes 1 " +
            "--size 32 --steps 2 --threads 2").Split(' '));
        Assert.Contains("A network at step 0 does: NO.", run.Output);
    }

    [Theory]
    [InlineData("--scenes 0", "--scenes is 0, but must be from 1 to 100000")]
    [InlineData("--size 20", "--size is 20, but must be a multiple of 8 from 16 to 1024")]
    [InlineData("--steps 0", "--steps is 0, but must be from 1 to 1000")]
    [InlineData("--cfg-scale -1", "--cfg-scale is -1, but must be from 0 to 100")]
    [InlineData("--guess-cfg-scale NaN", "--guess-cfg-scale is NaN, but must be from 0 to 100")]
    [InlineData("--control lines=x", "--control is 'lines=x', but must be HINT=FOLDER with a hint of edges, depth, *")]
    [InlineData("--control edges=nowhere", "--control: there is no folder nowhere")]
    [InlineData("--compare edges", "--compare is 'edges', but must be NAME:HINT=FOLDER")]
    public async Task What_cannot_be_is_refused(string arguments, string sentence)
    {
        CliRun run = await CliRun.Of($"evaluate --model {TrainingSandbox.Base} {arguments}".Split(' '));
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith("error: " + sentence.TrimEnd('*'), run.Error.Trim());
    }
}
