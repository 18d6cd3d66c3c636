using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Pipeline;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

/// <summary>
/// From one layout to the other and back. The golden folder has the same weights in both, written by the converters of
/// diffusers and of the original authors.
/// </summary>
public sealed class ConvertLayoutTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Golden(params string[] parts) => Repository.Golden(["models", .. parts]);

    /// <summary>Models this small cannot be described by the shapes of their weights.</summary>
    private static ConvertOptions DescribedBy(string model) =>
        new() { Source = new CheckpointOptions { ConfigsFrom = Golden(model) } };

    [Fact]
    public void A_folder_of_sd1_becomes_the_single_file_to_the_bit()
    {
        string path = _folder.Path("out.safetensors");
        ConvertReport report = CheckpointConverter.Convert(Golden("sd1-tiny"), path);
        TensorSet golden = TensorSet.Read(Golden("single-file", "sd1-tiny.f32.safetensors"));
        TensorSet.AssertSame(golden, TensorSet.Read(path));
        Assert.Equal((1003, path), (report.Tensors, report.Output));
        Assert.Equal(1002, report.ElementTypes["F32"]);
        Assert.Empty(report.LeftOut);
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal("epsilon", file.Metadata["modelspec.prediction_type"]);
        Assert.Equal(file.ByteCount, new FileInfo(path).Length);
        Assert.InRange(file.ByteCount - report.Bytes, 0, 1024);
    }

    [Fact]
    public void A_folder_of_sd2_becomes_the_single_file_without_what_it_does_not_have()
    {
        string path = _folder.Path("out.safetensors");
        CheckpointConverter.Convert(Golden("sd2-tiny"), path);
        TensorSet golden = TensorSet.Read(Golden("single-file", "sd2-tiny.f16.safetensors"));
        TensorSet written = TensorSet.Read(path);
        string[] missing = [.. golden.Keys.Except(written.Keys)];
        Assert.Equal(["cond_stage_model.model.logit_scale", "cond_stage_model.model.text_projection"], missing);
        Assert.Equal(["alphas_cumprod", "betas"], written.Keys.Except(golden.Keys));
        _ = (written.Remove("betas"), written.Remove("alphas_cumprod"));

        // The block that is not run is a copy of the one before it.
        const string unused = "cond_stage_model.model.transformer.resblocks.3.";
        string[] block = [.. written.Keys.Where(name => name.StartsWith(unused, StringComparison.Ordinal))];
        Assert.Equal(12, block.Length);
        foreach (string name in block)
        {
            string before = name.Replace("resblocks.3.", "resblocks.2.", StringComparison.Ordinal);
            Assert.Equal(written[before].Bytes, written[name].Bytes);
            written.Remove(name);
        }

        TensorSet.AssertHolds(written, golden);
        using Checkpoint opened = Checkpoint.Open(path);
        Assert.Equal(("v_prediction", false), (opened.PredictionType, opened.Report().PredictionIsAssumed));
    }

    [Theory]
    [InlineData("controlnet-tiny-canny", "control-canny.f32.safetensors")]
    [InlineData("controlnet-tiny-depth", "control-depth.f16.safetensors")]
    public void A_control_network_there_and_back(string model, string original)
    {
        string file = _folder.Path("control.safetensors"), back = _folder.Path("back");
        CheckpointConverter.Convert(Golden(model), file);
        TensorSet.AssertSame(TensorSet.Read(Golden("single-file", original)), TensorSet.Read(file));

        CheckpointConverter.Convert(file, back, DescribedBy(model));
        const string weights = "diffusion_pytorch_model.safetensors";
        Assert.Equal(["config.json", weights], TensorSet.Listing(back));
        TensorSet.AssertSame(TensorSet.Read(Golden(model, weights)), TensorSet.Read(Path.Combine(back, weights)));
        using Checkpoint expected = Checkpoint.Open(Golden(model)), actual = Checkpoint.Open(back);
        Assert.Equal(expected.ControlNet!.Config, actual.ControlNet!.Config);
    }

    [Theory]
    [InlineData("sd1-tiny.f32.safetensors", "sd1-tiny", 2)]
    [InlineData("sd1-tiny.f16.safetensors", "sd1-tiny", 2)]
    [InlineData("sd2-tiny.f16.safetensors", "sd2-tiny", 14)]
    public void A_single_file_there_and_back(string original, string model, int originalOnly)
    {
        string folder = _folder.Path("folder"), back = _folder.Path("back.safetensors");
        ConvertReport report = CheckpointConverter.Convert(Golden("single-file", original), folder, DescribedBy(model));
        Assert.Empty(report.LeftOut);
        Assert.Equal(
            originalOnly, TensorSet.Read(Path.Combine(folder, "original-only.safetensors")).Count);
        CheckpointConverter.Convert(folder, back);
        TensorSet golden = TensorSet.Read(Golden("single-file", original)), written = TensorSet.Read(back);
        if (!golden.ContainsKey("betas"))
        {
            // What the file did not have is added: the noise schedule, which the folder tells.
            _ = (written.Remove("betas"), written.Remove("alphas_cumprod"));
        }

        TensorSet.AssertSame(golden, written);
    }

    [Theory]
    [InlineData("sd1-tiny")]
    [InlineData("sd2-tiny")]
    public void A_folder_there_and_back_has_every_bit_and_every_configuration(string model)
    {
        string file = _folder.Path("file.safetensors"), back = _folder.Path("back");
        CheckpointConverter.Convert(Golden(model), file);
        CheckpointConverter.Convert(file, back, DescribedBy(model));
        using Checkpoint expected = Checkpoint.OpenModel(Golden(model)), actual = Checkpoint.OpenModel(back);
        AssertSame(expected.Unet!.Weights, actual.Unet!.Weights);
        AssertSame(expected.Vae!.Weights, actual.Vae!.Weights);
        AssertSame(expected.Text!.Weights, actual.Text!.Weights);
        Assert.Equal(expected.Unet.Config, actual.Unet.Config);
        Assert.Equal(expected.Vae.Config, actual.Vae.Config);
        Assert.Equal(expected.Text.Config, actual.Text.Config);
        Assert.Equal(
            File.ReadAllText(expected.SchedulerConfigPath!), File.ReadAllText(actual.SchedulerConfigPath!));
        Assert.Equal(TensorSet.Listing(expected.TokenizerFolder!), TensorSet.Listing(actual.TokenizerFolder!));
        if (model == "sd1-tiny")
        {
            foreach (string part in new[] { "unet/diffusion_pytorch_model", "text_encoder/model" })
            {
                TensorSet.AssertSame(
                    TensorSet.Read(Golden(model, part + ".safetensors")),
                    TensorSet.Read(Path.Combine(back, part + ".safetensors")));
            }
        }
    }

    [Theory]
    [InlineData("sd1-tiny")]
    [InlineData("sd2-tiny")]
    public void Every_layout_gives_the_same_image(string model)
    {
        string file = _folder.Path("file.safetensors"), back = _folder.Path("back"), copy = _folder.Path("copy");
        CheckpointConverter.Convert(Golden(model), file);
        CheckpointConverter.Convert(file, back, DescribedBy(model));
        CheckpointConverter.Convert(Golden(model), copy);
        using Device device = Devices.Cpu(2);
        GeneratedImage expected = Generate(device, Golden(model), null);
        TinyPipeline.AssertSame(expected, Generate(device, file, Golden(model)));
        TinyPipeline.AssertSame(expected, Generate(device, back, null));
        TinyPipeline.AssertSame(expected, Generate(device, copy, null));
    }

    [Fact]
    public void A_folder_becomes_a_folder_with_the_same_files()
    {
        string copy = _folder.Path("copy");
        CheckpointConverter.Convert(Golden("sd1-tiny"), copy);
        Assert.Equal(TensorSet.Listing(Golden("sd1-tiny")), TensorSet.Listing(copy));
        Assert.Equal(
            File.ReadAllText(Golden("sd1-tiny", "unet", "config.json")),
            File.ReadAllText(Path.Combine(copy, "unet", "config.json")));
        TensorSet.AssertSame(
            TensorSet.Read(Golden("sd1-tiny", "vae", "diffusion_pytorch_model.safetensors")),
            TensorSet.Read(Path.Combine(copy, "vae", "diffusion_pytorch_model.safetensors")));
    }

    [Fact]
    public void A_file_becomes_a_file_with_everything_in_it()
    {
        string source = _folder.Path("in.safetensors"), path = _folder.Path("out.safetensors");
        TensorSet tensors = TensorSet.Read(Golden("single-file", "sd2-tiny.f16.safetensors"));
        tensors.Add("model_ema.decay", ("F32", [], [0, 0, 128, 63]));
        tensors.Write(source);
        CheckpointConverter.Convert(source, path);
        TensorSet.AssertSame(tensors, TensorSet.Read(path));
    }

    [Fact]
    public void Running_averages_do_not_go_into_a_folder_and_are_named()
    {
        string source = _folder.Path("in.safetensors");
        TensorSet tensors = TensorSet.Read(Golden("single-file", "sd1-tiny.f32.safetensors"));
        tensors.Add("model_ema.decay", ("F32", [], [0, 0, 128, 63]));
        tensors.Write(source);
        ConvertReport report = CheckpointConverter.Convert(source, _folder.Path("out"), DescribedBy("sd1-tiny"));
        Assert.Equal(["model_ema.decay"], report.LeftOut);
        Assert.False(report.LacksTokenizer);
    }

    [Fact]
    public void What_a_file_does_not_say_takes_the_usual_value()
    {
        // A tokenizer from elsewhere, the scheduler of Stable Diffusion 1.x.
        string source = _folder.Path("in", "in.safetensors"), folder = _folder.Path("out");
        File.Copy(Golden("single-file", "sd1-tiny.f32.safetensors"), source);
        using Checkpoint golden = Checkpoint.Open(Golden("sd1-tiny"));
        CheckpointOptions configs = new()
        {
            Unet = golden.Unet!.Config, Vae = golden.Vae!.Config, Text = golden.Text!.Config,
            PredictionType = "v_prediction",
        };
        ConvertReport bare = CheckpointConverter.Convert(source, folder, new ConvertOptions { Source = configs });
        Assert.True(bare.LacksTokenizer);
        Assert.False(bare.PredictionIsAssumed);
        CheckpointConverter.Convert(source, folder, new ConvertOptions
        {
            Source = configs, Tokenizer = Golden("sd1-tiny", "tokenizer"), Overwrite = true,
        });
        using Checkpoint written = Checkpoint.OpenModel(folder);
        Assert.Equal("v_prediction", written.PredictionType);
        Assert.Equal(
            SchedulerConfig.StableDiffusion15 with { Prediction = PredictionType.Velocity },
            StableDiffusion.LoadScheduler(written) with
            {
                DisableCorrector = SchedulerConfig.StableDiffusion15.DisableCorrector,
            });
        Assert.NotNull(written.TokenizerFolder);
    }

    private static GeneratedImage Generate(Device device, string path, string? configs)
    {
        LoadOptions options = new()
        {
            ConfigsFrom = configs, Tokenizer = configs is null ? null : Path.Combine(configs, "tokenizer"),
        };
        using StableDiffusion model = StableDiffusion.Load(path, device, options);
        return model.Generate(TinyPipeline.Request);
    }

    private static void AssertSame(ComponentWeights expected, ComponentWeights actual)
    {
        Assert.Equal(expected.Slots.Keys.Order(), actual.Slots.Keys.Order());
        foreach ((string name, WeightSlot slot) in expected.Slots)
        {
            Assert.True(slot.Extents.SequenceEqual(actual.Slots[name].Extents), name);
            Assert.True(Bytes(slot).AsSpan().SequenceEqual(Bytes(actual.Slots[name])), name);
        }
    }

    private static byte[] Bytes(WeightSlot slot)
    {
        byte[] bytes = new byte[slot.ByteCount];
        slot.File.Read(slot.Entry.Name, slot.OffsetBytes, bytes);
        return bytes;
    }
}
