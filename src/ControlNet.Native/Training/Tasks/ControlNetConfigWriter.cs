using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>Writes the <c>config.json</c> that diffusers' ControlNetModel (v0.31) reads.</summary>
internal static class ControlNetConfigWriter
{
    public static string Json(ControlNetConfig config)
    {
        UnetConfig encoder = config.Encoder;
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("_class_name", "ControlNetModel");
            json.WriteString("_diffusers_version", "0.31.0");
            json.WriteString("act_fn", "silu");

            // Misnamed in diffusers: the number of heads.
            WriteNumbers(json, "attention_head_dim", encoder.Heads);
            WriteNumbers(json, "block_out_channels", encoder.BlockOutChannels);
            json.WriteNumber("conditioning_channels", config.ConditioningChannels);
            WriteNumbers(json, "conditioning_embedding_out_channels", config.ConditioningEmbeddingOutChannels);
            if (config.IsLite)
            {
                json.WriteBoolean("controlnet_lite", true);
            }

            json.WriteString("controlnet_conditioning_channel_order", config.ConditioningIsBgr ? "bgr" : "rgb");
            json.WriteNumber("cross_attention_dim", encoder.CrossAttentionDim);
            json.WriteStartArray("down_block_types");
            foreach (bool attends in encoder.DownAttention)
            {
                json.WriteStringValue(attends ? "CrossAttnDownBlock2D" : "DownBlock2D");
            }

            json.WriteEndArray();
            json.WriteNumber("downsample_padding", encoder.DownsamplePadding);
            json.WriteBoolean("flip_sin_to_cos", encoder.FlipSinToCos);
            json.WriteNumber("freq_shift", encoder.FreqShift);
            json.WriteBoolean("global_pool_conditions", config.GlobalPoolConditions);
            json.WriteNumber("in_channels", encoder.InChannels);
            json.WriteNumber("layers_per_block", encoder.LayersPerBlock[0]);
            json.WriteNumber("norm_eps", encoder.NormEps);
            json.WriteNumber("norm_num_groups", encoder.NormGroups);
            json.WriteBoolean("use_linear_projection", encoder.UseLinearProjection);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
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
