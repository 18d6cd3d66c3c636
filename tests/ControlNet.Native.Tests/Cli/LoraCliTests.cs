using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Loras;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary>LoRA by the command line: reported line by line, refused in one sentence.</summary>
public sealed class LoraCliTests : IDisposable
{
    private const string Models = "tests/Golden/models";
    private const string Kohya = Models + "/lora/kohya.safetensors";
    private const string Locon = Models + "/lora/kohya-locon.safetensors";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Two_at_once_with_scales_are_reported_and_recorded()
    {
        CliRun run = await CliRun.Of(
            [.. Base("sd1-tiny"), "--lora", $"{Kohya}:-0.5", "--lora", Locon, "--lora-strict"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = run.Output.Split('\n');
        Assert.Equal(
            "kohya: LoRA, 216 of 216 modules applied (UNet 192, text encoder 24), kohya, ranks 2 to 3, scale -0.5",
            lines[1]);
        Assert.Equal("kohya-locon: LoRA, 14 of 14 modules applied (UNet 14), kohya, rank 2, scale 1", lines[2]);
        Assert.Contains("Lora: \"kohya:-0.5, kohya-locon:1\"", lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_not_applied_is_listed()
    {
        string lora = WriteMixed();
        CliRun run = await CliRun.Of([.. Base("sd1-tiny"), "--lora", lora]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = run.Output.Split('\n');
        Assert.Equal("mixed: LoRA, 1 of 14 modules applied (UNet 1), kohya, rank 2, scale 1", lines[1]);
        Assert.Equal("  not applied: 'lora_unet_nowhere_00': the UNet has no such layer", lines[2]);
        Assert.Equal("  and 3 more", lines[12]);
    }

    [Fact]
    public async Task One_for_the_control_nets()
    {
        CliRun run = await CliRun.Of(
            [
                .. Base("sd1-tiny"), "--control-lora", $"{Kohya}:0.5", "--control-net",
                $"{Models}/controlnet-tiny-canny", "--control-image", "tests/Golden/annotators/canny_shapes_0.png",
            ]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains(" modules applied (ControlNet 84), kohya, ranks 2 to 3, scale 0.5", run.Output);
        Assert.Contains("_up_blocks_1_attentions_0_proj_in': the ControlNet has no such layer\n", run.Output);
        Assert.Contains("  and 122 more\n", run.Output);
    }

    [Fact]
    public async Task Info_tells_what_one_changes()
    {
        CliRun run = await CliRun.Of("info", Kohya);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(
            [
                $"{Kohya}: LoRA, kohya, 216 modules", "  UNet: 192 modules, ranks 2 to 3, alpha 1 to 1.5",
                "  text encoder: 24 modules, rank 2, alpha 1.5", "",
            ],
            run.Output.Split('\n'));
        run = await CliRun.Of("info", WriteMixed());
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.EndsWith(
            "  not applicable: 'strange': it is no tensor of a LoRA that this library knows\n", run.Output,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sd1-tiny", "--lora no-such.safetensors", "error: no-such.safetensors: cannot be opened *")]
    [InlineData("sd1-tiny", "--lora no-such.safetensors:0.5", "error: no-such.safetensors: cannot be opened *")]
    [InlineData(
        "sd1-tiny", "--lora " + Kohya + ":nan",
        "error: --lora '" + Kohya + ":nan': the scale behind the colon is 'nan', but must be a finite number such as " +
        "0.8")]
    [InlineData(
        "sd1-tiny", "--lora " + Kohya + ":strong",
        "error: --lora '" + Kohya + ":strong': the scale behind the colon is 'strong', but must be *")]
    [InlineData(
        "sd1-tiny", "--lora " + Models + "/single-file/sd1-tiny.f32.safetensors",
        "error: *: this is no LoRA, it is a checkpoint (UNet, VAE, text encoder); open it as the model (--model)")]
    [InlineData(
        "sd1-tiny", "--lora tests/Golden/README.md", "error: tests/Golden/README.md: this is a text file, not a model")]
    [InlineData("sd2-tiny", "--lora " + Kohya, "error: *: tensor '*' is *: the LoRA was made for another base model *")]
    [InlineData(
        "sd1-tiny", "--control-lora " + Kohya, "error: --control-lora needs --control-net, the ControlNet it changes")]
    public async Task One_that_cannot_be_applied(string model, string arguments, string sentence) =>
        await Refuses([.. Base(model), .. arguments.Split(' ')], sentence);

    [Fact]
    public async Task One_that_must_apply_in_full() => await Refuses(
        [.. Base("sd1-tiny"), "--lora", WriteMixed(), "--lora-strict"],
        "error: *mixed.safetensors: 13 of the 14 modules of this LoRA were not applied, first " +
        "'lora_unet_nowhere_00': the UNet has no such layer; the others are applied where it need not be strict " +
        "(without --lora-strict)",
        leftBehind: 1);

    private string[] Base(string model) =>
    [
        "generate", "--model", $"{Models}/{model}", "--prompt", "a cat", "--steps", "1", "-W", "64", "-H", "64",
        "-o", Path.Combine(_folder.Root, "out.png"),
    ];

    private string WriteMixed()
    {
        string path = _folder.Path("mixed.safetensors");
        SafeTensorsWriter.Write(
            path,
            [
                .. LoraFiles.Module("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q", 16, 16),
                .. Enumerable.Range(0, 12).SelectMany(i => LoraFiles.Module($"lora_unet_nowhere_{i:00}", 4, 4)),
                LoraFiles.Item("strange", 1),
            ]);
        return path;
    }

    private async Task Refuses(string[] arguments, string sentence, int leftBehind = 0)
    {
        CliRun run = await CliRun.Of(arguments);
        Assert.Matches(Wildcard.Pattern(sentence), Assert.Single(run.ErrorLines));
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Equal(leftBehind, Directory.EnumerateFileSystemEntries(_folder.Root).Count());
    }
}
