using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Pipeline;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary>Pictures, masks, several images and second passes on the command line.</summary>
public sealed class ImageModeTests : IDisposable
{
    private const string Model = "tests/Golden/models/sd1-tiny";
    private const string Picture = "tests/Golden/annotators/canny_shapes_0.png";

    private readonly ScratchFolder _folder = new();
    private readonly ScratchFolder _inputs = new();

    public void Dispose()
    {
        _folder.Dispose();
        _inputs.Dispose();
    }

    [Fact]
    public async Task A_picture_is_repainted_under_the_mask()
    {
        string picture = _inputs.Path("picture.png"), mask = _inputs.Path("mask.png");
        TinyPipeline.Hint(72, 40).Save(picture);
        ImageToImageTests.Mask(72, 40, (x, _) => x < 32).Save(mask);
        string output = _folder.Path("out.png");
        CliRun run = await CliRun.Of(
            "generate", "-m", Model, "-p", "a cat", "--steps", "4", "--init-image", picture, "--mask", mask,
            "--strength", "0.5", "--keep-unmasked", "-o", output);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("Size: 72x40, Model: sd1-tiny, Denoising strength: 0.5, Mask blur: 0, ", run.Output);
        RgbImage before = RgbImage.Load(picture), after = RgbImage.Load(output);
        Assert.All(
            Enumerable.Range(0, before.Pixels.Length).Where(i => i / 3 % 72 >= 32),
            i => Assert.Equal(before.Pixels[i], after.Pixels[i]));
        Assert.NotEqual(before.Pixels.ToArray(), after.Pixels.ToArray());
    }

    [Fact]
    public async Task Several_images_are_numbered_and_are_those_of_their_seeds()
    {
        string[] arguments =
            ["generate", "-m", Model, "-p", "a cat", "--steps", "2", "-W", "32", "-H", "32", "--sampler", "euler_a"];
        CliRun run = await CliRun.Of(
            [.. arguments, "-s", "5", "-b", "3", "-o", _folder.Path("out.png"), "--save-latents",
                _folder.Path("z.safetensors")]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] expected =
        [
            "out-0001.png", "out-0002.png", "out-0003.png", "z-0001.safetensors", "z-0002.safetensors",
            "z-0003.safetensors",
        ];
        Assert.Equal(
            expected, Directory.EnumerateFiles(_folder.Root).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(4, run.Output.TrimEnd().Split('\n').Length);
        Assert.Contains("out-0003.png: Steps: 2, ", run.Output);
        run = await CliRun.Of([.. arguments, "-s", "7", "-o", _folder.Path("single.png")]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(
            File.ReadAllBytes(_folder.Path("single.png")), File.ReadAllBytes(_folder.Path("out-0003.png")));
    }

    [Fact]
    public async Task A_second_pass_makes_it_larger()
    {
        string output = _folder.Path("out.png");
        CliRun run = await CliRun.Of(
            "generate", "-m", Model, "-p", "a cat", "--steps", "2", "-W", "32", "-H", "24", "--hires-scale", "1.5",
            "--hires-height", "40", "--hires-steps", "3", "--hires-strength", "0.4", "--hires-upscaler", "latent",
            "-o", output);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        RgbImage image = RgbImage.Load(output);
        Assert.Equal((48, 40), (image.Width, image.Height));
    }

    [Theory]
    [InlineData("--strength 0.5", "error: --strength is given without --init-image; give both or neither")]
    [InlineData("--mask " + Picture, "error: --mask is given without --init-image; give both or neither")]
    [InlineData(
        "--keep-unmasked --init-image " + Picture,
        "error: --keep-unmasked is given without --mask; give both or neither")]
    [InlineData("--init-image " + Picture + " --strength 1.5", "error: --strength is 1.5, but must be from 0 to 1")]
    [InlineData(
        "--init-image " + Picture + " --strength 0",
        "error: --strength is 0, which leaves none of 20 steps; raise it, or --steps, until their product is at " +
        "least 1")]
    [InlineData("--init-image no.png", "error: no.png: no such file; check the path")]
    [InlineData("--init-image tests/Golden/README.md", "error: tests/Golden/README.md: is not a PNG*")]
    [InlineData("--init-image " + Picture + " --mask no.png", "error: no.png: no such file; check the path")]
    [InlineData("--count 0", "error: --count is 0, but must be from 1 to 10000")]
    [InlineData("-b 10001", "error: --count is 10001, but must be from 1 to 10000")]
    [InlineData("--count x", "error: option '--count' needs a whole number, got 'x'; see controlnet generate --help")]
    [InlineData("--tile-vae maybe", "error: --tile-vae is 'maybe', but must be 'auto', 'on' or 'off'")]
    [InlineData("--hires-scale 0.5", "error: --hires-scale is 0.5, but must be from 1 to 8")]
    [InlineData("--hires-width 100", "error: --hires-width is 100, but must be a multiple of 8; take 96 or 104")]
    [InlineData("--hires-steps 0", "error: --hires-steps is 0, but must be from 1 to 1000")]
    [InlineData("--hires-strength 2", "error: --hires-strength is 2, but must be from 0 to 1")]
    [InlineData(
        "--hires-upscaler magic",
        "error: --hires-upscaler is 'magic', but must be 'image', 'latent' or 'latent-nearest'")]
    [InlineData(
        "--hires-width 32", "error: --hires-width is 32, but the first pass has 64 already; take as much or more")]
    public async Task What_cannot_be_is_refused(string arguments, string sentence)
    {
        CliRun run = await CliRun.Of(
            ["generate", "-m", Model, "-p", "a cat", "-o", _folder.Path("out.png"), .. arguments.Split(' ')]);
        Assert.Matches(Wildcard.Pattern(sentence), Assert.Single(run.ErrorLines));
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
    }
}
