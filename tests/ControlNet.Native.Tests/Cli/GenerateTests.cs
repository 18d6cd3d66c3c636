using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using ControlNet.Verification;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary><c>generate</c> and <c>info</c> from end to end, on the tiny models.</summary>
public sealed class GenerateTests : IDisposable
{
    private const string Models = "tests/Golden/models";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("control_unipc", "unipc")]
    [InlineData("control_guess", "ddim", "--control-mode", "guess")]
    [InlineData(
        "multi_control_guess", "unipc", "--control-scale", "1", "--control-scale", "0.55", "--control-mode", "guess",
        "--control-mode", "Guess")]
    [InlineData(
        "multi_control_window_euler", "euler", "--control-scale", "1", "--control-scale", "0.55",
        "--control-start", "0", "--control-start", "0.4", "--control-end", "0.6", "--control-end", "1")]
    public async Task Given_the_reference_noise_the_latents_are_those_of_the_reference(
        string file, string sampler, params string[] controls)
    {
        // Sampler, size, scales and windows as the golden file's params state them.
        GoldenTensors golden = new(Repository.Golden("outputs", "pipelines", $"{file}.safetensors"));
        GoldenTensor noise = golden["in.latents"];
        string init = _folder.Path("noise.safetensors"), final = _folder.Path("final.safetensors");
        SafeTensorsWriter.Write(
            init, [new SafeTensorsItem("latents", "F32", [.. noise.Shape.Select(n => (long)n)], () => noise.Bytes)]);
        List<string> arguments =
        [
            "generate", "-m", $"{Models}/sd1-tiny", "-p", golden.Params.GetProperty("prompt").GetString()!,
            "-n", golden.Params.GetProperty("negative").GetString()!,
            "--steps", golden.Params.GetProperty("steps").GetRawText(), "--sampler", sampler,
            "--init-latents", init, "--save-latents", final, "-o", _folder.Path("out.png"), .. controls,
        ];
        foreach (string kind in golden.Params.GetProperty("conds").EnumerateArray().Select(e => e.GetString()!))
        {
            GoldenTensor hint = golden[$"in.control_{kind}"];
            string path = _folder.Path($"{kind}.png");
            RgbImage.FromFloats(Interleave(hint), hint.Shape[3], hint.Shape[2], PixelRange.ZeroToOne).Save(path);
            arguments.AddRange("--control-net", $"{Models}/controlnet-tiny-{kind}", "--control-image", path);
        }

        CliRun run = await CliRun.Of([.. arguments]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));

        GoldenTensor steps = golden["out.latents"];
        float[] expected = steps.Floats()[^(steps.Floats().Length / steps.Shape[0])..];
        GoldenTensor actual = new GoldenTensors(final)["latents"];
        Assert.Equal(noise.Shape, actual.Shape);
        Close.To([.. expected.Select(v => (double)v)], actual.Floats(), 3e-4);
        RgbImage image = RgbImage.Load(_folder.Path("out.png"));
        Assert.Equal((40, 48), (image.Width, image.Height));
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_file_and_info_tells_how_it_was_made()
    {
        string[] arguments =
        [
            "generate", "-m", $"{Models}/sd1-tiny", "-p", "a red (sphere), 100%", "-n", "fog", "--steps", "3",
            "--sampler", "k_euler_a",
            "--seed", "42", "--rng", "cuda", "-W", "64", "-H", "32", "-o",
        ];
        string first = _folder.Path("first.png"), second = _folder.Path("second.png");
        CliRun run = await CliRun.Of([.. arguments, first]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = run.Output.Split('\n');
        Assert.Matches(
            "^sd1-tiny: Stable Diffusion 1.x, predicts epsilon.*, [0-9]+ tensors \\(F32.*\\), nothing left over$",
            lines[0]);
        Assert.Matches(
            @"^.*first\.png: Steps: 3, Sampler: euler_a, .*Seed: 42, Size: 64x32, .*RNG: GPU, [0-9.]+ s$", lines[1]);
        Assert.Equal(0, (await CliRun.Of([.. arguments, second])).ExitCode);
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(_folder.Root).Count());

        CliRun info = await CliRun.Of("info", first);
        Assert.Equal((0, ""), (info.ExitCode, info.Error));
        Assert.Contains("PNG, 64x32, 8 bits per channel", info.Output);
        Assert.Contains("parameters:\n  a red (sphere), 100%\n  Negative prompt: fog\n  Steps: 3, ", info.Output);
    }

    [Fact]
    public async Task An_empty_prompt_leaves_it_to_the_control_images()
    {
        string hint = "tests/Golden/annotators/canny_shapes_0.png", net = $"{Models}/controlnet-tiny-canny";
        CliRun run = await CliRun.Of(
            "generate", "-m", $"{Models}/sd1-tiny", "-p", "", "--steps", "2", "-W", "32", "-H", "32",
            "--control-net", net, "--control-image", hint, "--control-mode", "guess",
            "--control-net", net, "--control-image", hint, "--control-mode", "control", "-o", _folder.Path("out.png"));
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = run.Output.TrimEnd().Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.StartsWith("controlnet-tiny-canny: ", lines[1], StringComparison.Ordinal);
        Assert.Contains("ControlNet 0: \"Model: controlnet-tiny-canny, Weight: 1, ", lines[2]);
        Assert.Contains("ControlNet 1: ", lines[2]);
        Assert.Contains("Control Mode: ControlNet is more important", lines[2]);
    }

    [Fact]
    public async Task A_single_file_needs_its_configuration_and_vocabulary_and_then_works()
    {
        CliRun run = await CliRun.Of(
            "generate", "-m", $"{Models}/single-file/sd1-tiny.f32.safetensors", "--config", $"{Models}/sd1-tiny",
            "--tokenizer", $"{Models}/sd1-tiny/tokenizer", "-p", string.Join(' ', Enumerable.Repeat("cat", 90)),
            "--truncate-prompt",
            "--steps", "2", "-W", "32", "-H", "32", "-o", _folder.Path("out.png"));
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(32, RgbImage.Load(_folder.Path("out.png")).Width);
    }

    [Theory]
    [InlineData(
        "sd1-tiny", "diffusers folder, Stable Diffusion 1.x", "prediction: epsilon (stated)",
        "UNet: 214,316 parameters in 684 tensors, 0.9 MB (F32)")]
    [InlineData(
        "single-file/sd2-tiny.f16.safetensors", "single file, Stable Diffusion 2.x",
        "prediction: v_prediction (assumed)", "not needed: 14 tensors")]
    [InlineData(
        "controlnet-tiny-depth", "diffusers component folder, Stable Diffusion 1.x", "ControlNet: 90,748 parameters",
        "0.2 MB (F16)")]
    public async Task Info_tells_what_a_model_is(string model, params string[] contained)
    {
        CliRun run = await CliRun.Of("info", $"{Models}/{model}");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.All(contained, text => Assert.Contains(text, run.Output));
    }

    [Fact]
    public async Task Info_of_what_it_cannot_read_ends_with_2()
    {
        CliRun text = await CliRun.Of("info", "tests/Golden/README.md");
        Assert.Equal((2, ""), (text.ExitCode, text.Output));
        Assert.Contains("this is a text file", Assert.Single(text.ErrorLines));
    }

    [Theory]
    [InlineData("-INT")]
    [InlineData("-TERM")]
    public async Task An_interrupt_ends_the_work_at_once_and_leaves_no_file(string signal)
    {
        using Process process = CliRun.Start(
        [
            "generate", "-m", $"{Models}/sd1-tiny", "-p", "a cat", "--steps", "900", "-W", "256", "-H", "256",
            "-o", _folder.Path("out.png"), "--save-latents", _folder.Path("final.safetensors"),
        ]);
        // The first line of progress appears when sampling has gone on for a few seconds.
        string? line = await process.StandardError.ReadLineAsync();
        Assert.Matches("^step [0-9]+ of 90[0-9], .* left$", line);
        long start = Stopwatch.GetTimestamp();
        using (Process kill = Process.Start("kill", [signal, $"{process.Id}"]))
        {
            await kill.WaitForExitAsync();
        }

        CliRun run = await CliRun.Finish(process);
        Assert.Equal((130, ""), (run.ExitCode, run.Output));
        Assert.Equal("cancelled", run.ErrorLines[^1]);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 10);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
    }

    /// <summary>Planes of bytes as pixels in [0, 1].</summary>
    private static float[] Interleave(GoldenTensor planes)
    {
        int pixels = planes.Shape[2] * planes.Shape[3];
        byte[] values = planes.Octets();
        return [.. Enumerable.Range(0, 3 * pixels).Select(i => values[((i % 3) * pixels) + (i / 3)] / 255f)];
    }
}
