using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>
/// Reads the <c>config.json</c> of a component folder. Missing keys take the default of the class in diffusers v0.31
/// (transformers for CLIP), which is not always what Stable Diffusion uses.
/// </summary>
internal static class ConfigReader
{
    private const int MaxLevels = 8;

    public static UnetConfig Unet(ConfigJson json)
    {
        RefuseUnetFeatures(json);
        json.Require("num_attention_heads");
        int[] channels = Levels(json, [320, 640, 1280, 1280]);
        string[] down = Blocks(json, "down_block_types", channels.Length, "CrossAttnDownBlock2D", "DownBlock2D");
        string[] up = Blocks(json, "up_block_types", channels.Length, "CrossAttnUpBlock2D", "UpBlock2D");
        UnetConfig config = Encoder(json, channels, down, json.PerLevel("attention_head_dim", channels.Length, 8));
        return Checked(json, config with
        {
            OutChannels = json.Int("out_channels", 4),
            UpAttention = [.. up.Reverse().Select(name => name == "CrossAttnUpBlock2D")],
            CenterInputSample = json.Flag("center_input_sample", false),
        });
    }

    public static ControlNetConfig ControlNet(ConfigJson json)
    {
        RefuseUnetFeatures(json);
        int[] channels = Levels(json, [320, 640, 1280, 1280]);
        string[] down = Blocks(json, "down_block_types", channels.Length, "CrossAttnDownBlock2D", "DownBlock2D");

        // Unlike the UNet, diffusers' ControlNet lets this key overrule the misnamed one.
        int[] heads = json.PerLevel("num_attention_heads", channels.Length, 0);
        heads = heads[0] > 0 ? heads : json.PerLevel("attention_head_dim", channels.Length, 8);
        json.Require("controlnet_conditioning_channel_order", "rgb", "bgr");
        return new ControlNetConfig
        {
            Encoder = Checked(json, Encoder(json, channels, down, heads)),
            ConditioningChannels = json.Int("conditioning_channels", 3),
            ConditioningEmbeddingOutChannels = json.Ints("conditioning_embedding_out_channels", [16, 32, 96, 256]),
            ConditioningIsBgr = json.Text("controlnet_conditioning_channel_order", "rgb") == "bgr",
            GlobalPoolConditions = json.Flag("global_pool_conditions", false),
            IsLite = json.Flag("controlnet_lite", false),
        };
    }

    public static VaeConfig Vae(ConfigJson json)
    {
        json.Require("act_fn", "silu", "swish");
        json.Require("latents_mean");
        json.Require("latents_std");
        json.Require("shift_factor", "0", "0.0");
        int[] channels = Levels(json, [64]);
        _ = Blocks(json, "down_block_types", channels.Length, "DownEncoderBlock2D", "DownEncoderBlock2D");
        _ = Blocks(json, "up_block_types", channels.Length, "UpDecoderBlock2D", "UpDecoderBlock2D");
        VaeConfig config = new()
        {
            InChannels = json.Int("in_channels", 3),
            OutChannels = json.Int("out_channels", 3),
            LatentChannels = json.Int("latent_channels", 4),
            BlockOutChannels = channels,
            LayersPerBlock = json.Int("layers_per_block", 1),
            NormGroups = json.Int("norm_num_groups", 32),
            ScalingFactor = json.Real("scaling_factor", 0.18215),
            UseQuantConv = json.Flag("use_quant_conv", true),
            UsePostQuantConv = json.Flag("use_post_quant_conv", true),
            MidAttention = json.Flag("mid_block_add_attention", true),
        };
        CheckGroups(json, config.NormGroups, channels);
        return config;
    }

    public static ClipTextConfig Text(ConfigJson json)
    {
        // A full CLIP configuration holds the text part in a section of its own.
        json = json.Section("text_config");
        json.Require("hidden_act", "quick_gelu", "gelu");
        ClipTextConfig config = new()
        {
            VocabSize = json.Int("vocab_size", 49408),
            HiddenSize = json.Int("hidden_size", 512),
            IntermediateSize = json.Int("intermediate_size", 2048),
            Layers = json.Int("num_hidden_layers", 12),
            Heads = json.Int("num_attention_heads", 8),
            MaxPositions = json.Int("max_position_embeddings", 77),
            HiddenActivation = json.Text("hidden_act", "quick_gelu") == "gelu" ? Activation.Gelu : Activation.QuickGelu,
            LayerNormEps = json.Real("layer_norm_eps", 1e-5),
            BosTokenId = json.Int("bos_token_id", 49406),
            EosTokenId = json.Int("eos_token_id", 49407),
            PadTokenId = json.Int("pad_token_id", 1),
        };
        return config.Heads > 0 && config.HiddenSize % config.Heads == 0
            ? config
            : throw json.Invalid(
                $"'hidden_size' {config.HiddenSize} cannot be shared among 'num_attention_heads' {config.Heads}");
    }

    private static UnetConfig Encoder(ConfigJson json, int[] channels, string[] down, int[] heads) => new()
    {
        InChannels = json.Int("in_channels", 4),
        BlockOutChannels = channels,
        LayersPerBlock = json.PerLevel("layers_per_block", channels.Length, 2),
        DownAttention = [.. down.Select(name => name == "CrossAttnDownBlock2D")],
        UpAttention = [.. down.Select(name => name == "CrossAttnDownBlock2D")],
        Heads = heads,
        CrossAttentionDim = Uniform(json, "cross_attention_dim", channels.Length, 1280),
        NormGroups = json.Int("norm_num_groups", 32),
        NormEps = json.Real("norm_eps", 1e-5),
        UseLinearProjection = json.Flag("use_linear_projection", false),
        TimeEmbedDim = json.Int("time_embedding_dim", 4 * channels[0]),
        FlipSinToCos = json.Flag("flip_sin_to_cos", true),
        FreqShift = json.Real("freq_shift", 0),
        DownsamplePadding = json.Int("downsample_padding", 1),
        UpcastAttention = json.Flag("upcast_attention", false),
        SampleSize = json.Int("sample_size", 64),
    };

    private static void RefuseUnetFeatures(ConfigJson json)
    {
        foreach (string key in new[]
        {
            "addition_embed_type", "class_embed_type", "num_class_embeds", "encoder_hid_dim", "encoder_hid_dim_type",
            "time_cond_proj_dim", "timestep_post_act", "time_embedding_act_fn", "cross_attention_norm",
            "projection_class_embeddings_input_dim", "reverse_transformer_layers_per_block",
        })
        {
            json.Require(key);
        }

        foreach (string key in new[]
        {
            "dual_cross_attention", "only_cross_attention", "mid_block_only_cross_attention", "resnet_skip_time_act",
            "class_embeddings_concat",
        })
        {
            json.Require(key, "false");
        }

        json.Require("act_fn", "silu", "swish");
        json.Require("mid_block_type", "UNetMidBlock2DCrossAttn");
        json.Require("mid_block_scale_factor", "1", "1.0");
        json.Require("resnet_out_scale_factor", "1", "1.0");
        json.Require("resnet_time_scale_shift", "default");
        json.Require("time_embedding_type", "positional");
        json.Require("attention_type", "default");
        json.Require("transformer_layers_per_block", "1");
        json.Require("conv_in_kernel", "3");
        json.Require("conv_out_kernel", "3");
    }

    private static int[] Levels(ConfigJson json, int[] fallback)
    {
        int[] channels = json.Ints("block_out_channels", fallback);
        return channels.Length <= MaxLevels && channels.All(c => c > 0)
            ? channels
            : throw json.Invalid(
                $"'block_out_channels' must hold 1 to {MaxLevels} positive numbers, it is " +
                $"[{string.Join(", ", channels)}]");
    }

    private static string[] Blocks(ConfigJson json, string key, int levels, string withAttention, string plain)
    {
        json.Require(key, withAttention, plain);

        // By default the lowest resolution has no attention; it runs last going down and first going up.
        int lowest = key == "up_block_types" ? 0 : levels - 1;
        string[] fallback = [.. Enumerable.Range(0, levels).Select(i => i == lowest ? plain : withAttention)];
        string[] names = json.Texts(key, fallback);
        return names.Length == levels
            ? names
            : throw json.Invalid($"'{key}' has {names.Length} members but 'block_out_channels' has {levels}");
    }

    private static int Uniform(ConfigJson json, string key, int levels, int fallback)
    {
        int[] values = json.PerLevel(key, levels, fallback);
        return values.All(v => v == values[0])
            ? values[0]
            : throw json.Invalid(
                $"'{key}' is [{string.Join(", ", values)}], this library computes only models with one value for all " +
                "levels");
    }

    private static UnetConfig Checked(ConfigJson json, UnetConfig config)
    {
        CheckGroups(json, config.NormGroups, [.. config.BlockOutChannels]);
        for (int level = 0; level < config.Levels; level++)
        {
            if (config.Heads[level] < 1 || config.BlockOutChannels[level] % config.Heads[level] != 0)
            {
                throw json.Invalid(
                    $"level {level} has {config.BlockOutChannels[level]} channels, which cannot be shared among " +
                    $"{config.Heads[level]} heads ('attention_head_dim' holds a number of heads)");
            }
        }

        return config;
    }

    private static void CheckGroups(ConfigJson json, int groups, int[] channels)
    {
        if (groups < 1 || channels.Any(c => c % groups != 0))
        {
            throw json.Invalid(
                $"'block_out_channels' [{string.Join(", ", channels)}] cannot be shared among 'norm_num_groups' " +
                $"{groups}");
        }
    }
}
