using System;
using System.IO;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary>What <c>generate</c> cannot do ends with exit code 2, one sentence on stderr and no file.</summary>
public sealed class GenerateRefusalTests : IDisposable
{
    private const string Models = "tests/Golden/models";
    private const string Edges = "tests/Golden/annotators/canny_shapes_0.png";
    private const string Net = Models + "/controlnet-tiny-canny/diffusion_pytorch_model.safetensors";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("--width 100", "error: --width is 100, but must be a multiple of 8; take 96 or 104")]
    [InlineData("--height 8192", "error: --height is 8192, but must be from 8 to 4096")]
    [InlineData("--steps 0", "error: --steps is 0, but must be from 1 to 1000")]
    [InlineData("--cfg-scale nan", "error: --cfg-scale is NaN, but must be from 0 to 100")]
    [InlineData("--seed -1", "error: --seed is -1, but must be from 0 to 9223372036854775807")]
    [InlineData(
        "--seed 9223372036854775808",
        "error: option '--seed' needs a whole number, got '9223372036854775808'; see controlnet generate --help")]
    [InlineData("--eta 2", "error: --eta is 2, but must be from 0 to 1")]
    [InlineData("--guidance-rescale 2", "error: --guidance-rescale is 2, but must be from 0 to 1")]
    [InlineData(
        "--timesteps 999,850 --sigmas 1,0",
        "error: --timesteps and --sigmas are two ways of saying the same; give one of them")]
    [InlineData("--timesteps 999,850 --scheduler karras", "error: --timesteps replaces --scheduler; give one or the *")]
    [InlineData(
        "--sampler ddim --timesteps 999,850,850",
        "error: --timesteps[2] is 850 after 850, but each must be less than the one before")]
    [InlineData(
        "--timesteps 999;1",
        "error: --timesteps has '999;1' where a number is needed; separate numbers with commas")]
    [InlineData(
        "--timesteps 999,850",
        "error: pndm needs timesteps at equal gaps and takes neither --timesteps nor --sigmas; take another sampler")]
    [InlineData("--sigmas 1", "error: --sigmas makes 0 steps, but must make from 1 to 1000")]
    [InlineData("--rng gpu", "error: --rng is 'gpu', but must be 'cpu' or 'cuda'")]
    [InlineData("--prediction x", "error: --prediction is 'x', but must be 'epsilon', 'v' or 'sample'")]
    [InlineData("--sampler nope", "error: there is no sampler 'nope'; take one of ddim, *")]
    [InlineData("--scheduler nope", "error: there is no schedule 'nope'; take one of normal, karras*")]
    [InlineData(
        "--control-scale 1",
        "error: --control-scale is given once, but --control-net not at all; give one for each ControlNet, or none")]
    [InlineData(
        "--control-mask " + Edges,
        "error: --control-mask is given once, but --control-net not at all; give one for each ControlNet, or none")]
    [InlineData("--control-image " + Edges, "error: --control-image needs --control-net, the ControlNet that reads it")]
    [InlineData(
        "--control-net " + Models + "/controlnet-tiny-canny",
        "error: --control-net needs --control-image, the image it reads")]
    [InlineData(
        "--output /no/such/folder/a.png",
        "error: --output '/no/such/folder/a.png' cannot be written: there is no folder '/no/such/folder'")]
    [InlineData("--output a.jpg", "error: --output 'a.jpg' must end in .png")]
    [InlineData("--save-latents a.bin", "error: --save-latents 'a.bin' must end in .safetensors")]
    [InlineData(
        "--init-latents " + Models + "/single-file/sd1-tiny.f32.safetensors",
        "error: *sd1-tiny.f32.safetensors' has no tensor 'latents'; it has *")]
    [InlineData("--precision bf16", "error: --precision is 'bf16', but must be 'f32' or 'f16'")]
    [InlineData(
        "--precision f16",
        "error: cpu does not compute with F16 activations; choose F32 with --precision, or a GPU")]
    [InlineData("--weight-type f64", "error: --weight-type is 'f64', but must be 'f32', 'f16' or 'bf16'")]
    [InlineData(
        "--max-memory lots", "error: --max-memory is 'lots', but must be an amount of memory such as 6GiB or 6000MB")]
    [InlineData("--max-memory 0", "error: --max-memory is '0', but must be an amount of memory*")]
    [InlineData(
        "--max-memory 1MB",
        "error: the work takes at least * bytes (* GiB), but 1000000 (0.00 GiB) are allowed; take a smaller image, " +
        "16-bit weights, or allow more; no smaller size of that shape would fit")]
    [InlineData("--stpes 3", "error: unknown option '--stpes'; see controlnet generate --help")]
    [InlineData(
        "--control-image tests/Golden/README.md --control-net " + Models + "/controlnet-tiny-canny",
        "error: tests/Golden/README.md: is not a PNG*")]
    [InlineData(
        "--control-net " + Models + "/controlnet-tiny-canny --control-image " + Net,
        "error: " + Net + ": has no tensor 'hint'; it has 'controlnet_cond_embedding.blocks.0.bias', *")]
    [InlineData(
        "--control-image " + Edges + " --control-net " + Models + "/sd1-tiny",
        "error: " + Models + "/sd1-tiny: this is no ControlNet, *")]
    public async Task An_option_that_cannot_be_used(string arguments, string sentence) => await Refuses(
        [.. Base("sd1-tiny", "a cat"), .. arguments.Split(' ')], sentence);

    [Theory]
    [InlineData("lora/kohya.safetensors", "error: *kohya.safetensors: this is a LoRA, not a model; *")]
    [InlineData("../README.md", "error: *README.md: this is a text file, not a model*")]
    [InlineData(
        "controlnet-tiny-canny",
        "error: *controlnet-tiny-canny: this is a ControlNet, not a Stable Diffusion model; *")]
    [InlineData("no-such-model", "error: *no-such-model: cannot be opened *")]
    [InlineData("single-file/sd1-tiny.f32.safetensors", "error: *give the folder of its config.json by --config")]
    public async Task A_model_that_is_none(string model, string sentence) =>
        await Refuses([.. Base(model, "a cat")], sentence);

    [Fact]
    public async Task A_control_net_of_another_base() => await Refuses(
        [.. Base("sd2-tiny", "a cat"), "--control-net", $"{Models}/controlnet-tiny-canny", "--control-image", Edges],
        "error: the ControlNet controlnet-tiny-canny is made for another base model: *");

    [Theory]
    [InlineData("--control-scale 3", "error: --control-scale is 3, but must be from 0 to 2")]
    [InlineData(
        "--control-scale 1 --control-scale nan",
        "error: --control-scale is given 2 times, but --control-net once; *")]
    [InlineData("--control-start -0.5", "error: --control-start is -0.5, but must be from 0 to 1")]
    [InlineData("--control-end 1.5", "error: --control-end is 1.5, but must be from 0 to 1")]
    [InlineData(
        "--control-start 0.6 --control-end 0.4",
        "error: --control-start is 0.6, but must be less than --control-end, 0.4")]
    [InlineData(
        "--control-mode loud",
        "error: --control-mode is 'loud', but must be 'balanced', 'prompt', 'control' or 'guess'")]
    [InlineData(
        "--control-resize wide", "error: --control-resize is 'wide', but must be 'stretch', 'crop' or 'fill'")]
    [InlineData(
        "--control-resize crop --control-resize fill",
        "error: --control-resize is given 2 times, but --control-net once; give one for each ControlNet, or none")]
    [InlineData(
        "--control-guess-ramp steep", "error: --control-guess-ramp is 'steep', but must be 'diffusers' or 'original'")]
    [InlineData(
        "--control-layers 1,1,1",
        "error: --control-layers has 3 values, but the ControlNet controlnet-tiny-canny takes 13: one for each skip " +
        "and one for the middle")]
    [InlineData(
        "--control-layers 1,2.5",
        "error: --control-layers has '2.5' in place 2, but must be 'all' or numbers from 0 to 2 with commas between")]
    [InlineData("--control-layers some", "error: --control-layers has 'some' in place 1, but must be 'all' or *")]
    [InlineData("--control-layers 1,nan", "error: --control-layers has 'nan' in place 2, but must be 'all' or *")]
    [InlineData("--control-mask tests/Golden/README.md", "error: tests/Golden/README.md: is not a PNG*")]
    [InlineData("--control-mask no-such.png", "error: no-such.png: no such file; check the path")]
    [InlineData(
        "--control-channels rgx",
        "error: --control-channels is 'rgx', but must be channels by r, g, b or their numbers, '-' before those that " +
        "are turned over, for example bgr or -r-g-b")]
    [InlineData("--control-channels rgb-", "error: --control-channels is 'rgb-', but must be channels by r, g, b *")]
    [InlineData(
        "--control-channels rg7",
        "error: --control-channels is 'rg7', but '7' is no channel of a control image of *, 3 channels of 8 bits")]
    [InlineData(
        "--control-channels r",
        "error: the ControlNet controlnet-tiny-canny reads hints of 3 channels, the hint has 1; give it one of 3")]
    [InlineData(
        "--control-scale 1 --control-scale x",
        "error: option '--control-scale' needs a number, got 'x'; see controlnet generate --help")]
    [InlineData("--control-scale", "error: option '--control-scale' needs a value; see controlnet generate --help")]
    [InlineData(
        "--control-image " + Edges,
        "error: --control-image is given 2 times, but --control-net once; give one for each ControlNet")]
    [InlineData(
        "--control-net " + Models + "/controlnet-tiny-depth",
        "error: --control-image is given once, but --control-net 2 times; give one for each ControlNet")]
    [InlineData(
        "--control-net " + Models + "/controlnet-tiny-depth --control-image " + Edges + " --control-end 0.5",
        "error: --control-end is given once, but --control-net 2 times; give one for each ControlNet, or none")]
    public async Task Control_options_that_do_not_fit_together(string arguments, string sentence) => await Refuses(
        [
            .. Base("sd1-tiny", "a cat"), "--control-net", $"{Models}/controlnet-tiny-canny", "--control-image", Edges,
            .. arguments.Split(' '),
        ],
        sentence);

    [Fact]
    public async Task No_prompt_at_all()
    {
        CliRun run = await CliRun.Of("generate", "--model", $"{Models}/sd1-tiny");
        Assert.Equal(2, run.ExitCode);
        Assert.Equal(
            "error: Option '--prompt' is required; see controlnet generate --help", Assert.Single(run.ErrorLines));
    }

    private string[] Base(string model, string prompt) =>
        ["generate", "--model", $"{Models}/{model}", "--prompt", prompt, .. Output()];

    /// <summary>
    /// Two options are tested with a path of their own; giving an option twice would be another error.
    /// </summary>
    private string[] Output() => ["-o", Path.Combine(_folder.Root, "out.png")];

    private async Task Refuses(string[] arguments, string sentence)
    {
        if (Array.IndexOf(arguments, "--output") >= 0)
        {
            int own = Array.IndexOf(arguments, "-o");
            arguments = [.. arguments[..own], .. arguments[(own + 2)..]];
        }

        CliRun run = await CliRun.Of(arguments);
        Assert.Matches(Wildcard.Pattern(sentence), Assert.Single(run.ErrorLines));
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
    }
}
