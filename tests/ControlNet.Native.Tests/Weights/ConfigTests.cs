using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

public sealed class ConfigTests
{
    private static ConfigJson Json(string text) => ConfigJson.Parse("config.json", Encoding.UTF8.GetBytes(text));

    /// <summary>Weights of the shapes given, mapped as a file would be, without a file.</summary>
    private static ComponentWeights Mapped(Sd15Tensors tensors, ModelKind kind)
    {
        DetectedModel model = ModelDetection.Detect("m", [.. tensors.Shapes.Keys]).Single(found => found.Kind == kind);
        string[] names =
        [
            .. tensors.Shapes.Keys.Where(name => name.StartsWith(model.Prefix, StringComparison.Ordinal)),
        ];
        Dictionary<string, WeightSlot> slots = [];
        HashSet<string> shortNames = [.. names.Select(name => name[model.Prefix.Length..])];
        LdmUnetNames unet = new(shortNames);
        VaeNames vae = new(shortNames);
        foreach (string name in names)
        {
            string shortName = name[model.Prefix.Length..];
            string? target = kind == ModelKind.Vae ? vae.Translate(shortName)
                : kind == ModelKind.Text ? shortName
                : unet.Translate(shortName);
            Assert.NotNull(target);
            slots.Add(target, new WeightSlot(null!, new SafeTensorsEntry(name, "F16", tensors.Shapes[name], 0, 0)));
        }

        return new ComponentWeights("m", slots);
    }

    [Fact]
    public void The_true_shapes_give_the_configuration_of_sd_15()
    {
        Sd15Tensors model = Sd15Tensors.Model(), control = Sd15Tensors.Control();
        Assert.Equal(859_520_964, model.Parameters("model.diffusion_model."));
        Assert.Equal(83_653_863, model.Parameters("first_stage_model."));
        Assert.Equal(123_060_480, model.Parameters("cond_stage_model."));
        Assert.Equal(361_279_120, control.Parameters("control_model."));
        Assert.Equal(new UnetConfig(), new ConfigFromShapes(Mapped(model, ModelKind.Unet)).Unet());
        Assert.Equal(new VaeConfig(), new ConfigFromShapes(Mapped(model, ModelKind.Vae)).Vae());
        Assert.Equal(new ClipTextConfig(), new ConfigFromShapes(Mapped(model, ModelKind.Text)).Text(isOpenClip: false));
        Assert.Equal(new ControlNetConfig(), new ConfigFromShapes(Mapped(control, ModelKind.ControlNet)).ControlNet());
    }

    [Fact]
    public void The_original_numbering_becomes_the_levels_of_diffusers()
    {
        HashSet<string> names =
        [
            .. Sd15Tensors.Model().Shapes.Keys
                .Select(name => name.Replace("model.diffusion_model.", "", StringComparison.Ordinal)),
        ];
        LdmUnetNames unet = new(names);
        foreach ((string original, string expected) in new[]
        {
            ("input_blocks.0.0.weight", "conv_in.weight"),
            ("input_blocks.3.0.op.bias", "down_blocks.0.downsamplers.0.conv.bias"),
            ("input_blocks.8.1.proj_in.weight", "down_blocks.2.attentions.1.proj_in.weight"),
            ("input_blocks.11.0.emb_layers.1.bias", "down_blocks.3.resnets.1.time_emb_proj.bias"),
            ("middle_block.2.out_layers.3.weight", "mid_block.resnets.1.conv2.weight"),
            ("output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"),
            ("output_blocks.8.2.conv.weight", "up_blocks.2.upsamplers.0.conv.weight"),
            ("output_blocks.11.0.skip_connection.weight", "up_blocks.3.resnets.2.conv_shortcut.weight"),
            ("out.2.bias", "conv_out.bias"),
        })
        {
            Assert.Equal(expected, unet.Translate(original));
        }

        Assert.Null(unet.Translate("input_blocks.1.0.unknown.weight"));
        Assert.Null(unet.Translate("input_blocks"));
    }

    [Fact]
    public void Folder_configurations_are_read_and_filled_in()
    {
        using Checkpoint sd1 = Checkpoint.Open(Repository.Golden("models", "sd1-tiny"));
        Assert.Equal(
            new UnetConfig
            {
                BlockOutChannels = [8, 16, 16, 16], CrossAttentionDim = 24, NormGroups = 2, TimeEmbedDim = 32,
                SampleSize = 8,
            },
            sd1.Unet!.Config);
        Assert.Equal(new VaeConfig { BlockOutChannels = [4, 8, 8, 12], NormGroups = 2 }, sd1.Vae!.Config);
        Assert.Equal(
            new ClipTextConfig
            {
                VocabSize = 834, HiddenSize = 24, IntermediateSize = 96, Layers = 4, Heads = 3, BosTokenId = 0,
                EosTokenId = 2,
            },
            sd1.Text!.Config);

        using Checkpoint sd2 = Checkpoint.Open(Repository.Golden("models", "sd2-tiny"));
        Assert.Equal(
            new UnetConfig
            {
                BlockOutChannels = [8, 8, 16, 16], CrossAttentionDim = 32, NormGroups = 4, TimeEmbedDim = 32,
                SampleSize = 8, Heads = [1, 2, 2, 4], UseLinearProjection = true, UpcastAttention = true,
            },
            sd2.Unet!.Config);
        Assert.Equal(Activation.Gelu, sd2.Text!.Config.HiddenActivation);

        using Checkpoint control = Checkpoint.OpenControlNet(Repository.Golden("models", "controlnet-tiny-depth"));
        Assert.Equal([4, 4, 8, 8], control.ControlNet!.Config.ConditioningEmbeddingOutChannels);
        ControlNetConfig config = control.ControlNet.Config;
        Assert.Equal(
            (2, false, false),
            (config.Encoder.NormGroups, config.ConditioningIsBgr, config.GlobalPoolConditions));
    }

    [Fact]
    public void An_empty_configuration_has_the_defaults_of_the_class()
    {
        Assert.Equal(new UnetConfig { CrossAttentionDim = 1280 }, ConfigReader.Unet(Json("{}")));
        Assert.Equal(
            new ControlNetConfig { Encoder = new UnetConfig { CrossAttentionDim = 1280 } },
            ConfigReader.ControlNet(Json("{}")));
        Assert.Equal(new VaeConfig { BlockOutChannels = [64], LayersPerBlock = 1 }, ConfigReader.Vae(Json("{}")));
        Assert.Equal(
            new ClipTextConfig { HiddenSize = 512, IntermediateSize = 2048, Heads = 8 }, ConfigReader.Text(Json("{}")));
    }

    [Theory]
    [InlineData(
        """{"addition_embed_type": "text_time"}""",
        "'addition_embed_type' is \"text_time\", this library computes only models where it is null")]
    [InlineData(
        """{"class_embed_type": "projection"}""",
        "'class_embed_type' is \"projection\", this library computes only models where it is null")]
    [InlineData(
        """{"dual_cross_attention": true}""",
        "'dual_cross_attention' is true, this library computes only models where it is false")]
    [InlineData(
        """{"transformer_layers_per_block": [1, 2, 10]}""",
        "'transformer_layers_per_block' is [1, 2, 10], this library computes only models where it is 1")]
    [InlineData(
        """{"time_cond_proj_dim": 256}""",
        "'time_cond_proj_dim' is 256, this library computes only models where it is null")]
    [InlineData(
        """{"mid_block_type": null, "act_fn": "gelu"}""",
        "'act_fn' is \"gelu\", this library computes only models where it is silu or swish")]
    [InlineData(
        """{"down_block_types": ["AttnDownBlock2D"]}""",
        "'down_block_types' is [\"AttnDownBlock2D\"], this library computes only models where it is " +
        "CrossAttnDownBlock2D or DownBlock2D")]
    [InlineData(
        """{"down_block_types": ["DownBlock2D"]}""", "'down_block_types' has 1 members but 'block_out_channels' has 4")]
    [InlineData(
        """{"block_out_channels": "x"}""", "'block_out_channels' is \"x\", it must be a list of 1 to 64 members")]
    [InlineData(
        """{"block_out_channels": [320, 0, 1, 1]}""",
        "'block_out_channels' must hold 1 to 8 positive numbers, it is [320, 0, 1, 1]")]
    [InlineData(
        """{"norm_num_groups": 7}""",
        "'block_out_channels' [320, 640, 1280, 1280] cannot be shared among 'norm_num_groups' 7")]
    [InlineData(
        """{"attention_head_dim": [5, 10, 20]}""",
        "'attention_head_dim' is [5, 10, 20], it must be a number or a list of 4")]
    [InlineData(
        """{"attention_head_dim": 7}""",
        "level 0 has 320 channels, which cannot be shared among 7 heads ('attention_head_dim' holds a number of " +
        "heads)")]
    [InlineData(
        """{"cross_attention_dim": [1, 2, 3, 4]}""",
        "'cross_attention_dim' is [1, 2, 3, 4], this library computes only models with one value for all levels")]
    [InlineData("""{"norm_eps": "small"}""", "'norm_eps' is \"small\", it must be a number")]
    [InlineData("""{"flip_sin_to_cos": 1}""", "'flip_sin_to_cos' is 1, it must be true or false")]
    [InlineData("""{"in_channels": 4.5}""", "'in_channels' is 4.5, it must be a whole number from 0 to 1048576")]
    public void What_is_not_computed_is_refused_by_key_and_value(string json, string message) => Assert.Equal(
        "config.json: " + message, Assert.Throws<CheckpointException>(() => ConfigReader.Unet(Json(json))).Message);

    [Fact]
    public void Other_components_refuse_by_key_and_value_too()
    {
        Assert.Equal(
            "config.json: 'shift_factor' is 0.1159, this library computes only models where it is 0 or 0.0",
            Assert.Throws<CheckpointException>(() => ConfigReader.Vae(Json("""{"shift_factor": 0.1159}"""))).Message);
        Assert.Equal(
            "config.json: 'hidden_act' is \"relu\", this library computes only models where it is quick_gelu or gelu",
            Assert.Throws<CheckpointException>(() => ConfigReader.Text(Json("""{"hidden_act": "relu"}"""))).Message);
        Assert.Equal(
            "config.json: 'hidden_size' 10 cannot be shared among 'num_attention_heads' 3",
            Assert.Throws<CheckpointException>(
                () => ConfigReader.Text(Json("""{"hidden_size": 10, "num_attention_heads": 3}"""))).Message);
        Assert.True(
            ConfigReader.ControlNet(Json("""{"controlnet_conditioning_channel_order": "bgr"}""")).ConditioningIsBgr);
    }

    [Fact]
    public void Damaged_configurations_are_typed_errors()
    {
        byte[] seed = Encoding.UTF8.GetBytes("""
            {"block_out_channels": [8, 16], "attention_head_dim": [1, 2], "layers_per_block": 2, "norm_num_groups": 2,
             "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D"],
             "cross_attention_dim": 24, "norm_eps": 1e-5, "mid_block_type": "UNetMidBlock2DCrossAttn",
             "in\u005fchannels": 4, "x\ud83d\ude00": "\ud83d\ude00"}
            """);
        Random random = new(5);
        int refused = 0;
        for (int i = 0; i < 5000; i++)
        {
            byte[] bytes = [.. seed];
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)(
                    random.Next(2) == 0 ? random.Next(256) : random.Next(48, 123));
            }

            try
            {
                _ = ConfigReader.Unet(ConfigJson.Parse("config.json", bytes));
            }
            catch (CheckpointException e)
            {
                refused++;
                Assert.InRange(e.Message.Length, 10, 1024);
            }
        }

        Assert.InRange(refused, 500, 4500);
    }
}
