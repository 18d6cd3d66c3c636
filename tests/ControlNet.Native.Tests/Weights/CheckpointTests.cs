using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

public sealed class CheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;
    private readonly Device _device = Devices.Cpu(1);

    public void Dispose()
    {
        _device.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Model(params string[] parts) => Repository.Golden(["models", .. parts]);

    [Fact]
    public void Every_golden_checkpoint_is_recognised_and_loads_the_right_bytes()
    {
        GoldenContext context = new(Repository.Golden(), _device);
        CheckpointCheck check = new();
        string[] files = [.. check.Files(context)];
        Assert.Equal(18, files.Length);
        foreach (string file in files)
        {
            GoldenResult[] results = [.. check.Run(context, file)];
            Assert.NotEmpty(results);
            Assert.All(results, result => Assert.True(result.Passed, $"{file} {result.Case}: {result.Problem}"));
        }

        Assert.Equal(0, _device.BytesInUse);
    }

    [Fact]
    public void A_flipped_bit_in_a_single_file_is_noticed()
    {
        string root = Path.Combine(_folder, "models");
        Directory.CreateDirectory(Path.Combine(root, "single-file"));
        Directory.CreateDirectory(Path.Combine(root, "controlnet-tiny-canny"));
        foreach (string name in new[] { "config.json", "diffusion_pytorch_model.safetensors" })
        {
            File.Copy(Model("controlnet-tiny-canny", name), Path.Combine(root, "controlnet-tiny-canny", name));
        }

        byte[] bytes = File.ReadAllBytes(Model("single-file", "control-canny.f32.safetensors"));
        bytes[^1] ^= 1;
        File.WriteAllBytes(Path.Combine(root, "single-file", "control-canny.f32.safetensors"), bytes);
        GoldenResult[] results =
        [
            .. new CheckpointCheck().Run(
                new GoldenContext(_folder, _device), "models/single-file/control-canny.f32.safetensors"),
        ];
        Assert.Contains(results, result => result.Case == "controlnet" && !result.Passed);
    }

    [Fact]
    public void Folders_and_single_files_say_what_they_are()
    {
        using Checkpoint sd1 = Checkpoint.OpenModel(Model("sd1-tiny"));
        Assert.Equal((CheckpointLayout.DiffusersPipeline, ModelVersion.StableDiffusion1), (sd1.Layout, sd1.Version));
        Assert.Equal(("epsilon", false), (sd1.PredictionType, sd1.Report().PredictionIsAssumed));
        Assert.Equal(Model("sd1-tiny", "tokenizer"), sd1.TokenizerFolder);
        Assert.Equal(Model("sd1-tiny", "scheduler", "scheduler_config.json"), sd1.SchedulerConfigPath);

        using Checkpoint sd2 = Checkpoint.OpenModel(Model("sd2-tiny"));
        Assert.Equal((ModelVersion.StableDiffusion2, "v_prediction"), (sd2.Version, sd2.PredictionType));

        using Checkpoint single = Checkpoint.Open(Model("single-file", "sd2-tiny.f16.safetensors"));
        Assert.Equal((CheckpointLayout.SingleFile, ModelVersion.StableDiffusion2), (single.Layout, single.Version));
        Assert.Equal(("v_prediction", true), (single.PredictionType, single.Report().PredictionIsAssumed));
        Assert.Null(single.TokenizerFolder);

        using Checkpoint inpaint = Checkpoint.Open(Model("sd1-tiny-inpaint-unet", "unet"));
        Assert.Equal((CheckpointLayout.DiffusersComponent, 9), (inpaint.Layout, inpaint.Unet!.Config.InChannels));
        Assert.Equal(("epsilon", true), (inpaint.PredictionType, inpaint.Report().PredictionIsAssumed));
        Assert.Null(inpaint.Vae);
    }

    [Fact]
    public void The_prediction_type_can_be_overridden_and_borrowed()
    {
        string path = Model("single-file", "sd2-tiny.f16.safetensors");
        using Checkpoint overridden = Checkpoint.Open(path, new CheckpointOptions { PredictionType = "epsilon" });
        Assert.Equal(("epsilon", false), (overridden.PredictionType, overridden.Report().PredictionIsAssumed));
        using Checkpoint borrowed = Checkpoint.Open(path, new CheckpointOptions { ConfigsFrom = Model("sd2-tiny") });
        Assert.Equal(("v_prediction", false), (borrowed.PredictionType, borrowed.Report().PredictionIsAssumed));
        Assert.Equal(Model("sd2-tiny", "tokenizer"), borrowed.TokenizerFolder);
        Assert.Equal(
            "CheckpointOptions.PredictionType is 'v', it must be epsilon, v_prediction or sample",
            Assert.Throws<CheckpointException>(
                () => Checkpoint.Open(path, new CheckpointOptions { PredictionType = "v" })).Message);
    }

    [Fact]
    public void A_single_file_takes_its_configurations_from_the_folder_named()
    {
        CheckpointOptions options = new() { ConfigsFrom = Model("sd1-tiny") };
        using Checkpoint single = Checkpoint.OpenModel(Model("single-file", "sd1-tiny.f32.safetensors"), options);
        using Checkpoint folder = Checkpoint.OpenModel(Model("sd1-tiny"));
        Assert.Equal(folder.Unet!.Config, single.Unet!.Config);
        Assert.Equal(folder.Vae!.Config, single.Vae!.Config);
        Assert.Equal(folder.Text!.Config, single.Text!.Config);
        CheckpointException e = Assert.Throws<CheckpointException>(
            () => Checkpoint.OpenModel(Model("single-file", "sd1-tiny.f32.safetensors")));
        Assert.EndsWith(
            "the configuration of the UNet cannot be told from its weights (its channels [8, 16, 16, 16] cannot form " +
            "32 norm groups); give the folder of its config.json by CheckpointOptions.ConfigsFrom",
            e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Streams_and_memory_hold_checkpoints_too()
    {
        byte[] bytes = File.ReadAllBytes(Model("single-file", "control-depth.f16.safetensors"));
        using Checkpoint memory = Checkpoint.Open(bytes);
        using Checkpoint stream = Checkpoint.Open(new MemoryStream(bytes));
        Assert.Equal(memory.ControlNet!.Names, stream.ControlNet!.Names);
    }

    [Fact]
    public void Files_of_the_wrong_kind_are_refused_by_name()
    {
        string control = Model("single-file", "control-canny.f32.safetensors");
        Assert.Equal(
            $"{control}: this is a ControlNet, not a Stable Diffusion model; give it as the ControlNet and name the " +
            "model it steers as well",
            Assert.Throws<CheckpointException>(() => Checkpoint.OpenModel(control)).Message);
        string model = Model("single-file", "sd1-tiny.f32.safetensors");
        Assert.Equal(
            $"{model}: this is no ControlNet, it holds UNet, VAE, text encoder; give it as the model and name a " +
            "ControlNet as well",
            Assert.Throws<CheckpointException>(() => Checkpoint.OpenControlNet(model)).Message);
        string unet = Model("sd1-tiny", "unet");
        Assert.Equal(
            $"{unet}: has no VAE and no text encoder; give a whole Stable Diffusion model",
            Assert.Throws<CheckpointException>(() => Checkpoint.OpenModel(unet)).Message);
        foreach (string lora in Directory.GetFiles(Model("lora")))
        {
            Assert.Equal(
                $"{lora}: this is a LoRA, not a model; open the model it changes and apply it to that (--lora)",
                Assert.Throws<CheckpointException>(() => Checkpoint.OpenModel(lora)).Message);
        }

        string text = Path.Combine(_folder, "readme.safetensors");
        File.WriteAllText(text, "put your models here");
        Assert.Equal(
            $"{text}: this is a text file, not a model",
            Assert.Throws<SafeTensorsException>(() => Checkpoint.OpenModel(text)).Message);
        Assert.Contains(
            "is neither a diffusers folder", Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "conditioner.embedders.0.x",
        "this is a Stable Diffusion XL model; this library computes Stable Diffusion 1.x and 2.x")]
    [InlineData(
        "lora_controlnet",
        "this is a ControlLoRA; this library computes Stable Diffusion 1.x and 2.x, give it a full ControlNet")]
    [InlineData(
        "model.diffusion_model.double_blocks.0.x",
        "this is a diffusion transformer (FLUX); this library computes Stable Diffusion 1.x and 2.x")]
    [InlineData("emb_params", "this is a textual-inversion embedding, not a model")]
    [InlineData(
        "x\u0007y",
        "holds no model this library knows among its 1 tensors, first 'x\\u0007y'; this library computes Stable " +
        "Diffusion 1.x and 2.x")]
    public void Other_architectures_are_refused_by_name(string tensor, string message)
    {
        using MemoryStream stream = new();
        SafeTensorsWriter.Write(stream, [new SafeTensorsItem(tensor, "F32", [1], () => new byte[4])]);
        Assert.Equal(
            "memory: " + message, Assert.Throws<CheckpointException>(() => Checkpoint.Open(stream.ToArray())).Message);
    }

    [Fact]
    public void What_no_model_takes_is_listed_and_known_buffers_are_expected()
    {
        string path = Model("single-file", "sd2-tiny.f16.safetensors");
        using Checkpoint checkpoint = Checkpoint.Open(path);
        WeightMap map = checkpoint.Text!.Map(_device);
        foreach (string name in checkpoint.Text.Names)
        {
            map.TakeStored(name, new Shape(map.ExtentsOf(name))).Dispose();
        }

        LoadReport report = checkpoint.Report();
        report.AssertComplete();
        Assert.Equal("F16", Assert.Single(report.ElementTypes).Key);
        Assert.Contains("cond_stage_model.model.logit_scale", report.ExpectedLeftovers);
        Assert.Contains("cond_stage_model.model.transformer.resblocks.3.ln_1.bias", report.ExpectedLeftovers);
        Assert.Contains($"{report.TensorsUsed} F16", report.ToString(), StringComparison.Ordinal);

        checkpoint.Unet!.Map(_device).Take("conv_in.bias", new Shape(8)).Dispose();
        CheckpointException e = Assert.Throws<CheckpointException>(checkpoint.Report().AssertComplete);
        Assert.Contains(
            "683 tensors were not used, first 'model.diffusion_model.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Garbage_in_place_of_a_component_is_a_typed_error()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "unet"));
        File.WriteAllText(Path.Combine(_folder, "unet", "diffusion_pytorch_model.bin"), "x");
        Assert.EndsWith(
            "its .bin files are Python pickles and are never read, convert them to safetensors",
            Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(
            Path.Combine(_folder, "unet", "diffusion_pytorch_model.safetensors"),
            File.ReadAllBytes(Model("sd1-tiny", "unet", "diffusion_pytorch_model.safetensors")));
        File.WriteAllBytes(
            Path.Combine(_folder, "unet", "config.json"),
            Encoding.UTF8.GetBytes("{\"_class_name\": \"UNet2DConditionModel\", \"in_channels\": -4}"));
        using Checkpoint checkpoint = Checkpoint.Open(_folder);
        Assert.EndsWith(
            "config.json: 'in_channels' is -4, it must be a whole number from 0 to 1048576",
            Assert.Throws<CheckpointException>(() => checkpoint.Unet!.Config).Message, StringComparison.Ordinal);
    }
}
