using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

/// <summary>Names and configurations of full size go there and back.</summary>
public sealed class OriginalNamesTests
{
    [Theory]
    [InlineData("model.diffusion_model.", 686)]
    [InlineData("control_model.", 340)]
    public void Of_a_unet(string prefix, int count)
    {
        HashSet<string> names = Below(prefix, prefix == "control_model." ? Sd15Tensors.Control() : Sd15Tensors.Model());
        Assert.Equal(count, names.Count);
        LdmUnetNames there = new(names);
        Dictionary<string, string> translated = names.ToDictionary(name => there.Translate(name)!, name => name);
        OriginalUnetNames back = new(translated.Keys);
        Assert.All(translated, pair => Assert.Equal(pair.Value, back.Translate(pair.Key)));
        Assert.Null(back.Find("down_blocks.9.resnets.0.conv1.weight"));
        Assert.Throws<ArgumentException>(() => back.Translate("unknown.weight"));
    }

    [Fact]
    public void Of_an_autoencoder()
    {
        HashSet<string> names = Below("first_stage_model.", Sd15Tensors.Model());
        VaeNames there = new(names);
        Dictionary<string, string> translated = names.ToDictionary(name => there.Translate(name)!, name => name);
        VaeNames back = new(new HashSet<string>(translated.Keys));
        Assert.All(translated, pair => Assert.Equal(pair.Value, back.Back(pair.Key)));
        Assert.Null(back.Back("encoder.nothing.weight"));
        Assert.Null(back.Back("nothing"));
    }

    [Fact]
    public void Of_a_text_encoder_of_open_clip()
    {
        HashSet<string> names =
        [
            .. TensorSet.Read(Repository.Golden("models", "single-file", "sd2-tiny.f16.safetensors")).Keys
                .Where(name => name.StartsWith("cond_stage_model.model.", StringComparison.Ordinal))
                .Select(name => name["cond_stage_model.model.".Length..]),
        ];
        OpenClipNames there = new(names);
        int weights = 0;
        foreach (string name in names)
        {
            string[] targets = there.Translate(name);
            weights += targets.Length;
            for (int part = 0; part < targets.Length; part++)
            {
                Assert.Equal((name, part), OpenClipNames.Back(targets[part]));
            }
        }

        Assert.Equal(52, weights);
        Assert.Null(OpenClipNames.Back("text_model.encoder.layers.0.nothing.weight"));
        Assert.Null(OpenClipNames.Back("nothing"));
    }

    [Fact]
    public void Configurations_are_read_as_they_were_written()
    {
        UnetConfig sd15 = new();
        UnetConfig sd2 = sd15 with
        {
            UseLinearProjection = true,
            CrossAttentionDim = 1024,
            Heads = [5, 10, 20, 20],
            SampleSize = 96,
            UpcastAttention = true,
        };
        UnetConfig odd = sd15 with
        {
            LayersPerBlock = [1, 2, 3, 2],
            TimeEmbedDim = 512,
            DownAttention = [true, false, true, false],
            UpAttention = [true, true, false, false],
            InChannels = 9,
            OutChannels = 8,
            CenterInputSample = true,
        };
        foreach (UnetConfig config in new[] { sd15, sd2, odd })
        {
            Assert.Equal(config, ConfigReader.Unet(Json(ConfigWriter.Unet(config))));
            ControlNetConfig control = new()
            {
                Encoder = config with
                {
                    OutChannels = 4,
                    UpAttention = config.DownAttention,
                    CenterInputSample = false,
                    SampleSize = 64,
                    UpcastAttention = false,
                },
                ConditioningIsBgr = true, GlobalPoolConditions = true, ConditioningEmbeddingOutChannels = [8, 16],
            };
            Assert.Equal(control, ConfigReader.ControlNet(Json(ConfigWriter.ControlNet(control))));
        }

        VaeConfig vae = new() { ScalingFactor = 0.13025, LayersPerBlock = 3, UseQuantConv = false };
        Assert.Equal(vae, ConfigReader.Vae(Json(ConfigWriter.Vae(vae))));
        Assert.Equal(new VaeConfig(), ConfigReader.Vae(Json(ConfigWriter.Vae(new VaeConfig()))));
        ClipTextConfig text = new() { HiddenActivation = Activation.Gelu, Layers = 23, HiddenSize = 1024, Heads = 16 };
        Assert.Equal(text, ConfigReader.Text(Json(ConfigWriter.Text(text))));
        Assert.Equal(new ClipTextConfig(), ConfigReader.Text(Json(ConfigWriter.Text(new ClipTextConfig()))));
    }

    private static ConfigJson Json(string text) =>
        ConfigJson.Parse("config.json", System.Text.Encoding.UTF8.GetBytes(text));

    private static HashSet<string> Below(string prefix, Sd15Tensors tensors) =>
    [
        .. tensors.Shapes.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
            .Select(name => name[prefix.Length..]),
    ];
}
