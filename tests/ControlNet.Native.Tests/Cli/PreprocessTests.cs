using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary><c>controlnet preprocess</c>: hints as the library makes them, or one sentence and no file.</summary>
public sealed class PreprocessTests
{
    private const string Sphere = "tests/Golden/annotators/in_sphere.png";

    private static readonly string s_sphere = Repository.Golden("annotators", "in_sphere.png");

    [Fact]
    public async Task Edges_are_those_of_the_library()
    {
        using ScratchFolder scratch = new();
        string output = scratch.Path("edges.png");

        CliRun run = await CliRun.Of(
            "preprocess", "canny", Sphere, output, "--low", "36", "--high", "110", "--l2", "--resolution", "128");

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal($"{output}: 128x128", run.Output.Trim());
        RgbImage expected = Canny.Apply(
            ImageResize.ToResolution(RgbImage.Load(s_sphere), 128), new() { Low = 36, High = 110, L2 = true });
        Assert.Equal(expected.Pixels.ToArray(), RgbImage.Load(output).Pixels.ToArray());
        Assert.Equal([output], Directory.EnumerateFileSystemEntries(scratch.Root));
    }

    [Fact]
    public async Task Every_kind_is_listed_and_has_a_help()
    {
        CliRun list = await CliRun.Of("preprocess", "--list");

        Assert.Equal((0, ""), (list.ExitCode, list.Error));
        string[] kinds = [.. list.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ')[0])];
        Assert.Equal(18, kinds.Length);
        foreach (string kind in kinds)
        {
            Assert.Contains($"`{kind}`", await File.ReadAllTextAsync(Path.Combine(
                Repository.Root, "docs", "preprocessing.md")), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("soft-edges --operator sobel --sigma 0 --gain 1")]
    [InlineData("scribble --level 90")]
    [InlineData("fake-scribble")]
    [InlineData("fake-scribble --from-edges --threshold 20")]
    [InlineData("xdog --threshold 20")]
    [InlineData("thin --threshold 20 --sigma 1")]
    [InlineData("threshold --level 90")]
    [InlineData("binary")]
    [InlineData("blur --sigma 2")]
    [InlineData("tile --rate 3")]
    [InlineData("shuffle --grid-size 16 --seed 5")]
    [InlineData("resize --width 50 --height 20 --mode lanczos")]
    [InlineData("pad --resolution 70")]
    [InlineData("grey")]
    [InlineData("invert")]
    [InlineData("normal --background-threshold 0")]
    public async Task Every_kind_writes_a_picture(string arguments)
    {
        using ScratchFolder scratch = new();
        string output = scratch.Path("out.png");
        string[] parts = arguments.Split(' ');

        CliRun run = await CliRun.Of(["preprocess", parts[0], Sphere, output, .. parts[1..]]);

        Assert.True(run.ExitCode == 0, run.Error);
        RgbImage made = RgbImage.Load(output);
        Assert.Equal($"{output}: {made.Width}x{made.Height}", run.Output.Trim());
        Assert.True(made.Pixels.IndexOfAnyExcept(made.Pixels[0]) >= 0, "the picture is of one colour");
    }

    [Fact]
    public async Task Keypoints_become_a_skeleton()
    {
        using ScratchFolder scratch = new();
        string input = scratch.Path("pose.json"), output = scratch.Path("pose.png");
        string points = string.Join(", ", Enumerable.Range(0, 18).Select(i => $"{3 * i}, {2 * i}, 1"));
        await File.WriteAllTextAsync(input, $$"""{ "people": [ { "pose_keypoints_2d": [{{points}}] } ] }""");

        CliRun refused = await CliRun.Of("preprocess", "openpose", input, output);
        Assert.Equal(2, refused.ExitCode);
        Assert.Equal(
            "error: --width and --height must be given: the keypoints come without a canvas",
            Assert.Single(refused.ErrorLines));
        Assert.False(File.Exists(output));

        CliRun run = await CliRun.Of(
            "preprocess", "openpose", input, output, "--style", "v10", "--width", "60", "--height", "40");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(
            OpenPose.Draw(PoseDocument.Load(input), new() { Style = OpenPoseStyle.V10, Width = 60, Height = 40 })
                .Pixels.ToArray(),
            RgbImage.Load(output).Pixels.ToArray());
    }

    [Fact]
    public async Task Hints_of_floats_are_written_whole()
    {
        using ScratchFolder scratch = new();
        string hint = scratch.Path("hint.safetensors"), seen = scratch.Path("hint.png");
        string mask = scratch.Path("mask.png"), normals = scratch.Path("normals.safetensors");
        RgbImage image = RgbImage.Load(s_sphere);
        Threshold.Apply(image, 100).Save(mask);

        CliRun run = await CliRun.Of("preprocess", "inpaint", Sphere, hint, "--mask", mask);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(
            InpaintHint.Apply(image, RgbImage.Load(mask)).Values.ToArray(), FloatImage.Load(hint).Values.ToArray());
        Assert.Contains(-1f, FloatImage.Load(hint).Values.ToArray());

        run = await CliRun.Of("preprocess", "inpaint", Sphere, seen, "--mask", mask);
        Assert.Equal(
            $"{seen}: 90x81, black where the hint is -1; write .safetensors for a net", run.Output.Trim());

        run = await CliRun.Of("preprocess", "normal", Sphere, normals);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(
            NormalFromDepth.Apply(DepthMap.Load(s_sphere)).Values.ToArray(),
            FloatImage.Load(normals).Values.ToArray());
    }

    [Theory]
    [InlineData("preprocess", "no kind given; controlnet preprocess --list prints all, for example *")]
    [InlineData(
        "preprocess cats a b", "unknown command 'cats'; there are 'canny', *; see controlnet preprocess --help")]
    [InlineData("preprocess canny", "*'canny'; see controlnet preprocess canny --help")]
    [InlineData("preprocess canny none.png x.png", "none.png: no such file; check the path")]
    [InlineData("preprocess canny README.md x.png", "README.md: *")]
    [InlineData($"preprocess canny {Sphere} x.jpg", "OUTPUT 'x.jpg' must end in .png")]
    [InlineData($"preprocess canny {Sphere} src", "OUTPUT 'src' must end in .png")]
    [InlineData($"preprocess canny {Sphere} none/x.png", "OUTPUT 'none/x.png' cannot be written: there is no folder *")]
    [InlineData($"preprocess canny {Sphere} x.png --low -3", "--low is -3, but must be from 0 to 32767")]
    [InlineData(
        $"preprocess canny {Sphere} x.png --low many",
        "option '--low' needs a number, got 'many'; see controlnet preprocess canny --help")]
    [InlineData($"preprocess canny {Sphere} x.png --resolution 63", "--resolution is 63, but must be from 64 to 8192")]
    [InlineData(
        $"preprocess blur {Sphere} x.png --kernel-size 4",
        "--kernel-size is 4, but must be odd, or 0 to take it from --sigma")]
    [InlineData($"preprocess shuffle {Sphere} x.png --grid-size 7", "--grid-size is 7, but must be from 8 to 4096")]
    [InlineData(
        $"preprocess soft-edges {Sphere} x.png --operator prewitt",
        "--operator is 'prewitt', but must be 'sobel' or 'scharr'")]
    [InlineData($"preprocess resize {Sphere} x.png --width 5", "give --width and --height, or --resolution")]
    [InlineData(
        $"preprocess resize {Sphere} x.png --width 5 --height 5 --mode fast",
        "--mode is 'fast', but must be 'nearest', 'area', 'linear', 'cubic' or 'lanczos'")]
    [InlineData($"preprocess normal {Sphere} x.bmp", "OUTPUT 'x.bmp' must end in .png or .safetensors")]
    [InlineData($"preprocess normal {Sphere} x.png --flatness 0", "--flatness is 0, but must be from *")]
    [InlineData($"preprocess openpose {Sphere} x.png", "tests/Golden/annotators/in_sphere.png: is not JSON (*)")]
    [InlineData($"preprocess openpose {Sphere} x.png --style v12", "--style is 'v12', but must be 'v10' or 'v11'")]
    [InlineData(
        $"preprocess inpaint {Sphere} x.png --mask tests/Golden/annotators/in_text.png",
        "InpaintHint: the picture is 90 x 81 RGB, the mask 120 x 64 RGB; resize one to the other")]
    public async Task A_command_line_that_cannot_be_used(string arguments, string sentence)
    {
        CliRun run = await CliRun.Of(arguments.Split(' '));

        Assert.Equal(2, run.ExitCode);
        Assert.Matches(Wildcard.Pattern($"error: {sentence}"), Assert.Single(run.ErrorLines));
        Assert.Empty(Directory.EnumerateFiles(Repository.Root, "x.*"));
    }
}
