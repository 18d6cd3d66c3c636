using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>
/// Writes the <c>config.json</c> of a component as diffusers (v0.31) and transformers read it; what
/// <see cref="ConfigReader"/> reads, written.
/// </summary>
internal static class ConfigWriter
{
    private const string Version = "0.31.0";

    /// <summary>For diffusers' <c>UNet2DConditionModel</c>.</summary>
    public static string Unet(UnetConfig config) => Json(json =>
    {
        Head(json, "UNet2DConditionModel");
        Encoder(json, config);
        json.WriteBoolean("center_input_sample", config.CenterInputSample);
        json.WriteNumber("out_channels", config.OutChannels);
        json.WriteNumber("sample_size", config.SampleSize);

        // Written in the order the blocks run: the lowest resolution first.
        WriteTexts(
            json, "up_block_types",
            config.UpAttention.Reverse().Select(attends => attends ? "CrossAttnUpBlock2D" : "UpBlock2D"));
        json.WriteBoolean("upcast_attention", config.UpcastAttention);
    });

    /// <summary>For diffusers' <c>ControlNetModel</c>.</summary>
    public static string ControlNet(ControlNetConfig config) => Json(json =>
    {
        Head(json, "ControlNetModel");
        Encoder(json, config.Encoder);
        json.WriteNumber("conditioning_channels", config.ConditioningChannels);
        WriteNumbers(json, "conditioning_embedding_out_channels", config.ConditioningEmbeddingOutChannels);
        if (config.IsLite)
        {
            json.WriteBoolean("controlnet_lite", true);
        }

        json.WriteString("controlnet_conditioning_channel_order", config.ConditioningIsBgr ? "bgr" : "rgb");
        json.WriteBoolean("global_pool_conditions", config.GlobalPoolConditions);
    });

    /// <summary>For diffusers' <c>AutoencoderKL</c>.</summary>
    public static string Vae(VaeConfig config) => Json(json =>
    {
        Head(json, "AutoencoderKL");
        json.WriteString("act_fn", "silu");
        WriteNumbers(json, "block_out_channels", config.BlockOutChannels);
        WriteTexts(json, "down_block_types", config.BlockOutChannels.Select(_ => "DownEncoderBlock2D"));
        json.WriteNumber("in_channels", config.InChannels);
        json.WriteNumber("latent_channels", config.LatentChannels);
        json.WriteNumber("layers_per_block", config.LayersPerBlock);
        json.WriteBoolean("mid_block_add_attention", config.MidAttention);
        json.WriteNumber("norm_num_groups", config.NormGroups);
        json.WriteNumber("out_channels", config.OutChannels);
        json.WriteNumber("scaling_factor", config.ScalingFactor);
        WriteTexts(json, "up_block_types", config.BlockOutChannels.Select(_ => "UpDecoderBlock2D"));
        json.WriteBoolean("use_post_quant_conv", config.UsePostQuantConv);
        json.WriteBoolean("use_quant_conv", config.UseQuantConv);
    });

    /// <summary>For transformers' <c>CLIPTextModel</c>.</summary>
    public static string Text(ClipTextConfig config) => Json(json =>
    {
        WriteTexts(json, "architectures", ["CLIPTextModel"]);
        json.WriteNumber("attention_dropout", 0.0);
        json.WriteNumber("bos_token_id", config.BosTokenId);
        json.WriteNumber("eos_token_id", config.EosTokenId);
        json.WriteString("hidden_act", config.HiddenActivation == Activation.Gelu ? "gelu" : "quick_gelu");
        json.WriteNumber("hidden_size", config.HiddenSize);
        json.WriteNumber("intermediate_size", config.IntermediateSize);
        json.WriteNumber("layer_norm_eps", config.LayerNormEps);
        json.WriteNumber("max_position_embeddings", config.MaxPositions);
        json.WriteString("model_type", "clip_text_model");
        json.WriteNumber("num_attention_heads", config.Heads);
        json.WriteNumber("num_hidden_layers", config.Layers);
        json.WriteNumber("pad_token_id", config.PadTokenId);
        json.WriteNumber("projection_dim", config.HiddenSize);
        json.WriteNumber("vocab_size", config.VocabSize);
    });

    /// <summary>A JSON object on lines of its own, with a line feed at its end.</summary>
    public static string Json(Action<Utf8JsonWriter> write)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
    }

    private static void Head(Utf8JsonWriter json, string className)
    {
        json.WriteString("_class_name", className);
        json.WriteString("_diffusers_version", Version);
    }

    private static void Encoder(Utf8JsonWriter json, UnetConfig encoder)
    {
        json.WriteString("act_fn", "silu");

        // Misnamed in diffusers: the number of heads.
        WriteNumbers(json, "attention_head_dim", encoder.Heads);
        WriteNumbers(json, "block_out_channels", encoder.BlockOutChannels);
        json.WriteNumber("cross_attention_dim", encoder.CrossAttentionDim);
        WriteTexts(
            json, "down_block_types",
            encoder.DownAttention.Select(attends => attends ? "CrossAttnDownBlock2D" : "DownBlock2D"));
        json.WriteNumber("downsample_padding", encoder.DownsamplePadding);
        json.WriteBoolean("flip_sin_to_cos", encoder.FlipSinToCos);
        json.WriteNumber("freq_shift", encoder.FreqShift);
        json.WriteNumber("in_channels", encoder.InChannels);
        if (encoder.LayersPerBlock.Distinct().Count() == 1)
        {
            json.WriteNumber("layers_per_block", encoder.LayersPerBlock[0]);
        }
        else
        {
            WriteNumbers(json, "layers_per_block", encoder.LayersPerBlock);
        }

        json.WriteNumber("norm_eps", encoder.NormEps);
        json.WriteNumber("norm_num_groups", encoder.NormGroups);
        if (encoder.TimeEmbedDim != 4 * encoder.BlockOutChannels[0])
        {
            json.WriteNumber("time_embedding_dim", encoder.TimeEmbedDim);
        }

        json.WriteBoolean("use_linear_projection", encoder.UseLinearProjection);
    }

    private static void WriteTexts(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (string value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IReadOnlyList<int> values)
    {
        // One number stands for equal ones, as the checkpoints of Stable Diffusion have it.
        if (name == "attention_head_dim" && values.Distinct().Count() == 1)
        {
            json.WriteNumber(name, values[0]);
            return;
        }

        json.WriteStartArray(name);
        foreach (int value in values)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
    }
}
