using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary><c>generate --from-png</c>, and what a PNG keeps for it.</summary>
public sealed class FromPngTests : IDisposable
{
    private const string Models = "tests/Golden/models";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_image_is_made_again_and_options_beside_it_win()
    {
        string hint = _folder.Path("hint.png"), first = _folder.Path("first.png"), again = _folder.Path("again.png");
        File.Copy(Repository.Golden("annotators", "canny_shapes_0.png"), hint);
        await Ok(
            "generate", "-m", $"{Models}/sd1-tiny", "-p", "--a \"red\" [sphere]=\n2, 100 %", "-n", "fog",
            "--steps", "3",
            "--control-net", $"{Models}/controlnet-tiny-canny", "--control-image", hint, "--control-scale", "0.5",
            "--control-net", $"{Models}/controlnet-tiny-canny", "--control-image", hint, "--control-scale", "0.25",
            "--sampler", "euler_a", "--seed", "42", "-W", "64", "-H", "32", "-o", first);
        await Ok("generate", "--from-png", first, "-o", again);
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(again));

        string other = _folder.Path("other.png");
        await Ok("generate", "--from-png", first, "--seed", "43", "-o", other);
        Assert.NotEqual(RgbImage.Load(first).Pixels.ToArray(), RgbImage.Load(other).Pixels.ToArray());
        Assert.Contains("Seed: 43", (await CliRun.Of("info", other)).Output);

        File.Copy(Repository.Golden("annotators", "canny_shapes_1.png"), hint, overwrite: true);
        await Refused(
            [again], "--control-image", "which has changed since (SHA-256 ",
            "generate", "--from-png", first, "-o", again);
        File.Delete(hint);
        await Refused(
            [again], "--control-image", "which is not there; name it anew",
            "generate", "--from-png", first, "-o", again);
    }

    [Fact]
    public async Task A_web_ui_text_is_understood()
    {
        string png = _folder.Path("webui.png");
        RgbImage picture = new(1, 1, new byte[3]);
        picture.Save(png,
        [
            new PngText("parameters", "a lighthouse,\nat dawn\nNegative prompt: fog, rain\nSteps: 3, "
                + "Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 1234567, Size: 32x48, "
                + "Model hash: 6ce0161689, Model: \"v1-5, pruned\", "
                + "Clip skip: 2, Version: v1.8.0"),
        ]);
        string output = _folder.Path("out.png");
        await Ok("generate", "--from-png", png, "-m", $"{Models}/sd1-tiny", "-o", output);
        string text = PngImage.Load(output).Text.Single(t => t.Keyword == "parameters").Text;
        Assert.StartsWith("a lighthouse,\nat dawn\nNegative prompt: fog, rain\nSteps: 3, Sampler: dpmpp_2m, "
            + "Schedule type: karras, CFG scale: 6.5, Seed: 1234567, Size: 32x48, ", text, StringComparison.Ordinal);
        Assert.Contains("Clip skip: 2, RNG: GPU", text);
    }

    [Fact]
    public async Task Passes_and_LoRA_of_a_web_ui_text_are_understood()
    {
        string png = _folder.Path("webui.png"), output = _folder.Path("out.png");
        new RgbImage(1, 1, new byte[3]).Save(png,
        [
            new PngText("parameters", "a lighthouse <lora:kohya:0.5>\nSteps: 2, Sampler: DDIM, CFG scale: 2, Seed: 1, "
                + "Size: 32x32, Denoising strength: 0.6, Hires upscale: 1.5, Hires steps: 4, "
                + "Hires upscaler: Latent, Lora hashes: \"kohya: 5cc5\""),
        ]);
        string[] arguments = ["generate", "--from-png", png, "-m", $"{Models}/sd1-tiny", "-o", output];
        await Refused([], "was made with 'Lora hashes'", "--lora", arguments);
        await Ok([.. arguments, "--lora", $"{Models}/lora/kohya.safetensors:0.5"]);
        string text = PngImage.Load(output).Text.Single(t => t.Keyword == "parameters").Text;
        Assert.StartsWith("a lighthouse \nSteps: 2, ", text, StringComparison.Ordinal);
        Assert.Contains("Denoising strength: 0.6, Hires upscale: 1.5, Hires steps: 4, Hires upscaler: Latent", text);
        Assert.Contains("Lora: \"kohya:0.5\"", text);
        RgbImage image = RgbImage.Load(output);
        Assert.Equal((48, 48), (image.Width, image.Height));
    }

    [Theory]
    [InlineData("x <lora:a:1>\nSteps: 3, Seed: 1", "was made with '<lora:a:1>'")]
    [InlineData("no settings", "does not end in a line of settings")]
    [InlineData("x\nSteps: 3, Sampler: Restart, Seed: 1", "the sampler 'Restart', which this tool has not")]
    [InlineData("x\nSteps: 3, Seed: 1, Denoising strength: 0.5", "its text does not say from which file; give it with")]
    [InlineData("x\nSteps: many, Seed: 1", "--from-png")]
    public async Task A_text_that_does_not_tell_enough_is_refused(string parameters, string sentence)
    {
        string png = _folder.Path("in.png"), output = _folder.Path("out.png");
        new RgbImage(1, 1, new byte[3]).Save(png, [new PngText("parameters", parameters)]);
        await Refused([], sentence, "", "generate", "--from-png", png, "-m", $"{Models}/sd1-tiny", "-o", output);
    }

    [Theory]
    [InlineData("{", "is damaged")]
    [InlineData("{\"version\":1,\"options\":{\"--steps\":3},\"files\":{},\"device\":\"cpu\"}", "is damaged")]
    [InlineData("{\"version\":2}", "keeps its command in version 2, this tool reads version 1")]
    [InlineData(
        "{\"version\":1,\"options\":{\"--teleport\":[]},\"files\":{},\"device\":\"cpu\"}",
        "an option that this tool does")]
    public async Task A_damaged_or_foreign_command_is_refused(string json, string sentence)
    {
        string png = _folder.Path("in.png"), output = _folder.Path("out.png");
        new RgbImage(1, 1, new byte[3]).Save(png, [new PngText("controlnet-native", json)]);
        await Refused([], sentence, "", "generate", "--from-png", png, "-o", output);
    }

    [Fact]
    public async Task A_picture_without_text_says_nothing_and_neither_does_one_that_was_told_not_to()
    {
        string png = _folder.Path("mute.png");
        await Ok(
            "generate", "-m", $"{Models}/sd1-tiny", "-p", "x", "--steps", "1", "-W", "32", "-H", "32",
            "--no-metadata", "-o", png);
        Assert.Empty(PngImage.Load(png).Text);
        await Refused(
            [], "does not say how it was made", "", "generate", "--from-png", png, "-o", _folder.Path("out.png"));
        Assert.False(File.Exists(_folder.Path("out.png")));
    }

    [Theory]
    [InlineData("--preview-every is 0, but must be 1 or more", "--preview-every", "0")]
    [InlineData("--preview-every needs --preview, the PNG to write", "--preview-every", "2")]
    [InlineData("--preview-method needs --preview, the PNG to write", "--preview-method", "decoder")]
    [InlineData(
        "--preview-method is 'film', but must be 'colours' or 'decoder'", "--preview", "p.png",
        "--preview-method", "film")]
    [InlineData("--preview 'p.jpg' must end in .png", "--preview", "p.jpg")]
    public async Task A_bad_preview_is_refused(string sentence, params string[] options) => await Refused(
        [], sentence, "", ["generate", "-m", $"{Models}/sd1-tiny", "-p", "x", "-o", _folder.Path("o.png"), .. options]);

    [Fact]
    public async Task A_preview_is_there_at_the_end()
    {
        string preview = _folder.Path("preview.png");
        await Ok(
            "generate", "-m", $"{Models}/sd1-tiny", "-p", "x", "--steps", "3", "-W", "64", "-H", "32",
            "--preview", preview, "--preview-every", "2", "-o", _folder.Path("out.png"));
        RgbImage picture = RgbImage.Load(preview);
        Assert.Equal((64, 32), (picture.Width, picture.Height));
    }

    private static async Task Ok(params string[] arguments)
    {
        CliRun run = await CliRun.Of(arguments);
        Assert.True(run.ExitCode == 0, run.Error);
    }

    private static async Task Refused(string[] unchanged, string first, string second, params string[] arguments)
    {
        byte[][] before = [.. unchanged.Select(File.ReadAllBytes)];
        CliRun run = await CliRun.Of(arguments);
        Assert.Equal(2, run.ExitCode);
        string line = Assert.Single(run.ErrorLines);
        Assert.Contains(first, line);
        Assert.Contains(second, line);
        Assert.Equal(before, unchanged.Select(File.ReadAllBytes));
    }
}
