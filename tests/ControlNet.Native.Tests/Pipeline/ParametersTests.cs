using System;
using System.IO;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>The text that says how an image was made, as other tools read it.</summary>
public sealed class ParametersTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly ScratchFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void Everything_set()
    {
        using StableDiffusion model = TinyPipeline.Load(_device);
        using ControlNetModel net = TinyPipeline.LoadNet(_device);
        ImageRequest request = new()
        {
            Prompt = "a (red:1.2) cat, \"castle\"",
            NegativePrompt = "blurry, cold",
            Width = 24,
            Height = 32,
            Steps = 2,
            GuidanceScale = 6.5f,
            Sampler = SamplerKind.Ddim,
            SigmaSchedule = SigmaSchedule.Normal,
            Eta = 0.3f,
            ClipSkip = 2,
            Seed = -42,
            NoiseGenerator = NoiseGenerator.TorchCuda,
            Controls =
            [
                new ControlInput { Net = net, Image = TinyPipeline.Hint(40, 24), Scale = 0.75f },
                new ControlInput
                {
                    Net = net, Image = TinyPipeline.Hint(8, 8), Start = 0.1, End = 0.6, Mode = ControlMode.Control,
                },
            ],
        };
        GeneratedImage image = model.Generate(request);
        const string expected =
            "a (red:1.2) cat, \"castle\"\n" +
            "Negative prompt: blurry, cold\n" +
            "Steps: 2, Sampler: ddim, Schedule type: normal, CFG scale: 6.5, Seed: -42, Size: 24x32, " +
            "Model: sd1-tiny, Eta: 0.3, Clip skip: 2, RNG: GPU, " +
            "ControlNet 0: \"Model: controlnet-tiny-canny, Weight: 0.75, Resize Mode: Just Resize, " +
            "Guidance Start: 0, Guidance End: 1, Control Mode: Balanced\", " +
            "ControlNet 1: \"Model: controlnet-tiny-canny, Weight: 1, Resize Mode: Just Resize, " +
            "Guidance Start: 0.1, Guidance End: 0.6, Control Mode: ControlNet is more important\"";
        Assert.Equal(expected, image.Parameters);

        string path = _folder.Path("image.png");
        image.Image.Save(path, [new PngText(GeneratedImage.ParametersKey, image.Parameters)]);
        Assert.Equal(new PngText("parameters", expected), Assert.Single(PngImage.Load(path).Text));
        Assert.Equal(image.Image.Pixels.ToArray(), RgbImage.Load(path).Pixels.ToArray());
    }

    [Fact]
    public void Little_set()
    {
        using StableDiffusion model = TinyPipeline.Load(_device);
        GeneratedImage image = model.Generate(new ImageRequest { Prompt = "ein Käfer 🐞\nauf grün", Steps = 2 });
        int size = model.NativeSize;
        string expected =
            "ein Käfer 🐞\nauf grün\n" +
            $"Steps: 2, Sampler: pndm, Schedule type: normal, CFG scale: 7.5, Seed: 0, Size: {size}x{size}, " +
            "Model: sd1-tiny, RNG: CPU";
        Assert.Equal(expected, image.Parameters);
        byte[] png = image.Image.Encode([new PngText(GeneratedImage.ParametersKey, image.Parameters)]);
        Assert.Equal(expected, Assert.Single(PngImage.Decode(png, "image").Text).Text);
    }

    [Fact]
    public void What_did_not_come_from_the_seed()
    {
        using StableDiffusion model = TinyPipeline.Load(_device);
        ImageRequest request = TinyPipeline.Request with { Steps = 1, Sampler = SamplerKind.Ddim };
        string start = "Steps: 1, Sampler: ddim, Schedule type: normal, CFG scale: 7.5, Seed: 11, Size: 40x24, " +
            "Model: sd1-tiny, ";
        float[] latents = new float[60];
        Assert.Equal(
            start + "Clip skip: 2, Negative clip skip: 1, RNG: CPU, Initial latents: given",
            Settings(request with { ClipSkip = 2, NegativeClipSkip = 1, InitialLatents = latents }));
        Assert.Equal(
            start + "Clip skip: 2, Noise source: custom",
            Settings(request with { ClipSkip = 2, NegativeClipSkip = 2, NoiseSource = new TorchCpuNoise(3) }));
        Assert.Equal(
            start.Replace("7.5", "1", StringComparison.Ordinal) + "RNG: CPU",
            Settings(request with { NegativeClipSkip = 2, GuidanceScale = 1 }));
        Assert.Equal(
            start + "RNG: CPU, Prompt syntax: plain, Prompt embedding: given, Negative prompt embedding: given",
            Settings(request with
            {
                Prompt = "",
                NegativePrompt = "",
                PromptSyntax = PromptSyntax.Plain,
                PromptEmbedding = model.EncodePrompt("cat"),
                NegativePromptEmbedding = model.EncodePrompt("dog"),
            }));
        using Tensor rows = Tensor.Zeros(_device, new Shape(2, 24));
        model.AddEmbedding("one", rows);
        model.AddEmbedding("two", rows);
        model.AddEmbedding("three", rows);
        Assert.Equal(
            start + "RNG: CPU, TI: \"one, three\"",
            Settings(request with { Prompt = "THREE cats", NegativePrompt = "one, twofold" }));

        string Settings(ImageRequest asked) => model.Generate(asked).Parameters.Split('\n')[^1];
    }

    [Fact]
    public void Finer_settings_of_a_control()
    {
        using StableDiffusion model = TinyPipeline.Load(_device);
        using ControlNetModel net = TinyPipeline.LoadNet(_device);
        ControlInput plain = new() { Net = net, Image = TinyPipeline.Hint(40, 24) };
        ControlInput finer = plain with
        {
            Mode = ControlMode.Guess,
            Resize = HintResize.Crop,
            GuessRamp = GuessRamp.Original,
            LayerScales = [1, 1, 0.5f, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
            Mask = ControlMask.FromFloats([0.5f], 1, 1),
        };
        string settings = model.Generate(TinyPipeline.Request with
        {
            Controls = [plain with { GuessRamp = GuessRamp.Original }, finer, plain with { Resize = HintResize.Fill }],
        }).Parameters.Split('\n')[^1];
        const string net0 = "\"Model: controlnet-tiny-canny, Weight: 1, Resize Mode: ";
        Assert.EndsWith(
            $"ControlNet 0: {net0}Just Resize, Guidance Start: 0, Guidance End: 1, Control Mode: Balanced\", " +
            $"ControlNet 1: {net0}Crop and Resize, Guidance Start: 0, Guidance End: 1, Control Mode: Guess\", " +
            $"ControlNet 2: {net0}Resize and Fill, Guidance Start: 0, Guidance End: 1, Control Mode: Balanced\", " +
            "Control 1: \"Guess Ramp: Original, Layer Weights: 1 1 0.5 1 1 1 1 1 1 1 1 1 0, Region Mask: given\"",
            settings, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a, b: c", "\"a, b: c\"")]
    [InlineData("the \"best\"", "\"the 'best'\"")]
    [InlineData("line\nbreak", "\"line break\"")]
    [InlineData("plain model", "plain model")]
    public void Names_that_would_read_as_several_settings(string name, string quoted)
    {
        using StableDiffusion model = StableDiffusion.Load(Copy("sd1-tiny", name), _device);
        using ControlNetModel net = ControlNetModel.Load(Copy("controlnet-tiny-canny", $"net {name}"), _device);
        ControlInput control = new() { Net = net, Image = TinyPipeline.Hint(8, 8) };
        string text = model.Generate(TinyPipeline.Request with { Steps = 1, Controls = [control] }).Parameters;
        string[] lines = text.Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Contains($", Model: {quoted}, RNG: CPU, ", lines[2], StringComparison.Ordinal);
        string net0 = $"ControlNet 0: \"Model: net {quoted.Trim('"')}, Weight: 1, ";
        Assert.Contains(net0, lines[2], StringComparison.Ordinal);
    }

    private string Copy(string model, string name)
    {
        _folder.CopyGolden($"models/{model}");
        string path = Path.Combine(_folder.Root, name);
        Directory.Move(Path.Combine(_folder.Root, "models", model), path);
        return path;
    }
}
