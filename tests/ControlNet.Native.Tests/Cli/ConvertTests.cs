using System;
using System.Linq;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary><c>controlnet convert</c> as a shell sees it.</summary>
public sealed class ConvertTests : IDisposable
{
    private const string Models = "tests/Golden/models";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task There_and_back()
    {
        string file = _folder.Path("model.safetensors"), folder = _folder.Path("model");
        CliRun there = await CliRun.Of("convert", $"{Models}/sd1-tiny", file, "--type", "f16");
        Assert.Equal((0, ""), (there.ExitCode, there.Error));
        Assert.StartsWith($"{file}: 1003 tensors (1000 F16, 2 F32, 1 I64), 0.", there.Output, StringComparison.Ordinal);

        CliRun back = await CliRun.Of("convert", file, folder, "--config", $"{Models}/sd1-tiny");
        Assert.Equal((0, ""), (back.ExitCode, back.Error));
        Assert.Single(back.Output.TrimEnd().Split('\n'));

        CliRun again = await CliRun.Of(
            "convert", file, folder, "--config", $"{Models}/sd1-tiny", "--only", "unet", "--force");
        Assert.Equal((0, ""), (again.ExitCode, again.Error));
        Assert.Equal(
            ["config.json", "diffusion_pytorch_model.safetensors"], TensorSet.Listing(folder));
    }

    [Fact]
    public async Task Another_base()
    {
        string file = _folder.Path("control.safetensors");
        CliRun run = await CliRun.Of(
            "convert", $"{Models}/controlnet-tiny-canny", file, "--transfer", $"{Models}/sd1-tiny",
            $"{Models}/single-file/sd1-tiny.f32.safetensors");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        TensorSet.AssertSame(
            TensorSet.Read(Repository.Golden("models", "single-file", "control-canny.f32.safetensors")),
            TensorSet.Read(file));
    }

    [Fact]
    public async Task With_a_LoRA()
    {
        CliRun run = await CliRun.Of(
            "convert", $"{Models}/sd1-tiny", _folder.Path("merged"), "--lora", $"{Models}/lora/kohya.safetensors:0.8");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("kohya", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "--lora " + Models + "/lora/kohya.safetensors:x",
        "error: --lora *: the scale behind the colon is 'x', but must be a finite number such as 0.8")]
    [InlineData("--type f8", "error: --type is 'f8', but must be 'f32', 'f16' or 'bf16'")]
    [InlineData(
        "--only clip", "error: --only is 'clip', but must be 'unet', 'vae', 'text_encoder' or 'controlnet'")]
    [InlineData("--only vae", "error: *controlnet-tiny-canny: has no VAE, it holds ControlNet")]
    [InlineData("--transfer a", "error: *; see controlnet convert --help")]
    [InlineData(
        "--transfer " + Models + "/sd1-tiny " + Models + "/sd2-tiny",
        "error: *sd2-tiny: weight '*' is [*], that of the ControlNet [*]; take bases of the family *")]
    public async Task What_cannot_be_done(string arguments, string sentence)
    {
        CliRun run = await CliRun.Of(
            [
                "convert", $"{Models}/controlnet-tiny-canny", System.IO.Path.Combine(_folder.Root, "out"),
                .. arguments.Split(' '),
            ]);
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Matches(Wildcard.Pattern(sentence), Assert.Single(run.ErrorLines));
        Assert.Empty(TensorSet.Listing(_folder.Root));
    }

    [Fact]
    public async Task An_output_that_exists()
    {
        string folder = _folder.Path("out", "config.json");
        System.IO.File.WriteAllText(folder, "{}");
        CliRun run = await CliRun.Of(
            "convert", $"{Models}/controlnet-tiny-canny", System.IO.Path.Combine(_folder.Root, "out"));
        Assert.Equal(2, run.ExitCode);
        Assert.EndsWith(
            "out: exists; name another, or set --force to replace it", Assert.Single(run.ErrorLines),
            StringComparison.Ordinal);
        Assert.Equal(["out", "out/config.json"], TensorSet.Listing(_folder.Root));
    }
}
