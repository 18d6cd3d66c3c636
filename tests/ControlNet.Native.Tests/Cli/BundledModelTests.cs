using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using ControlNet.Datasets;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary>The model that travels with the tool: its size, what it is called by, and that it obeys.</summary>
public sealed class BundledModelTests : IDisposable
{
    private const long MostBytes = 32L << 20;

    // Another set than the one it was trained on.
    private const long UnseenSeed = 500;

    private const int Size = 128;

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void All_assets_together_stay_small()
    {
        string[] files = Directory.GetFiles(
            Path.Combine(Repository.Root, "assets"), "*", SearchOption.AllDirectories);
        Assert.Contains(files, file => file.EndsWith("diffusion_pytorch_model.safetensors", StringComparison.Ordinal));
        Assert.InRange(files.Sum(file => new FileInfo(file).Length), 1, MostBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_prompt_gives_the_colours(int number)
    {
        Scene scene = Enumerable.Range(0, 100).Select(i => new Shapes(UnseenSeed, Size).At(i))
            .Where(scene => scene.Shapes.Count == 1).ElementAt(number);
        string output = _folder.Path("out.png");
        CliRun run = await CliRun.Of(
            "generate", "--prompt", scene.Caption, "--steps", "10", "--cfg-scale", "2", "--output", output);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.StartsWith("model: the bundled one, which knows drawn scenes only", run.Output);
        SceneScore score = SceneScore.Of(scene, RgbImage.Load(output));
        Assert.True(score.ColourPresence == 1, $"colours {score.ColourPresence} of '{scene.Caption}'");
    }

    [Theory]
    [InlineData("edges", HintKind.Edges)]
    [InlineData("depth", HintKind.Depth)]
    [InlineData("segmentation", HintKind.Segmentation)]
    public async Task A_hint_is_obeyed(string net, HintKind hint)
    {
        List<SceneScore> scores = [];
        for (int i = 0; i < 3; i++)
        {
            Scene scene = new Shapes(UnseenSeed, Size).At(i);
            string drawn = _folder.Path($"hint{i}.png"), output = _folder.Path($"out{i}.png");
            scene.DrawHint(hint, Size).Save(drawn);
            CliRun run = await CliRun.Of(
                "generate", "--control-net", net, "--control-image", drawn, "--prompt", scene.Caption,
                "--steps", "20", "--cfg-scale", "2", "--output", output);
            Assert.True(run.ExitCode == 0, run.Error);
            scores.Add(SceneScore.Of(scene, RgbImage.Load(output)));
        }

        double inPlace = scores.Average(score => score.MaskIoU);
        double colours = scores.Average(score => score.ColourAccuracy);
        Assert.True(inPlace > 0.75 && colours > 0.75, $"mask IoU {inPlace:0.00}, colours {colours:0.00}");
    }

    [Fact]
    public async Task A_control_net_that_is_neither_a_file_nor_bundled_is_refused()
    {
        string output = _folder.Path("out.png");
        CliRun run = await CliRun.Of(
            "generate", "--control-net", "lines", "--control-image", "tests/Golden/annotators/in_shapes.png",
            "--prompt", "x", "--output", output);
        Assert.Equal(2, run.ExitCode);
        Assert.Equal(
            "error: --control-net: there is no file or folder lines, and the bundled ControlNets are depth, " +
            "edges, segmentation",
            Assert.Single(run.ErrorLines));
        Assert.False(File.Exists(output));
    }
}
