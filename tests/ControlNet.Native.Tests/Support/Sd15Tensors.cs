using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Tests.Support;

/// <summary>
/// Names and shapes of every tensor of the original Stable Diffusion 1.5 file and of its ControlNets, at their true
/// sizes and without data. Source: the published files' headers.
/// </summary>
internal sealed class Sd15Tensors
{
    private static readonly int[] s_mult = [1, 2, 4, 4];

    private readonly Dictionary<string, long[]> _shapes = [];

    public IReadOnlyDictionary<string, long[]> Shapes => _shapes;

    public long Parameters(string prefix) =>
        _shapes.Where(p => p.Key.StartsWith(prefix, System.StringComparison.Ordinal))
            .Sum(p => p.Value.Aggregate(1L, (a, b) => a * b));

    public static Sd15Tensors Model()
    {
        Sd15Tensors all = new();
        all.Unet("model.diffusion_model.");
        all.Vae("first_stage_model.");
        all.Clip("cond_stage_model.transformer.text_model.");
        return all;
    }

    public static Sd15Tensors Control()
    {
        Sd15Tensors all = new();
        List<int> skips = all.EncoderHalf("control_model.");
        for (int i = 0; i < skips.Count; i++)
        {
            all.Conv($"control_model.zero_convs.{i}.0", skips[i], skips[i], 1);
        }

        all.Conv("control_model.middle_block_out.0", 1280, 1280, 1);
        int[] hint = [3, 16, 16, 32, 32, 96, 96, 256, 320];
        for (int i = 0; i < 8; i++)
        {
            all.Conv($"control_model.input_hint_block.{2 * i}", hint[i], hint[i + 1], 3);
        }

        return all;
    }

    private void Linear(string p, int i, int o, bool bias = true)
    {
        _shapes[p + ".weight"] = [o, i];
        if (bias)
        {
            _shapes[p + ".bias"] = [o];
        }
    }

    private void Conv(string p, int i, int o, int k)
    {
        _shapes[p + ".weight"] = [o, i, k, k];
        _shapes[p + ".bias"] = [o];
    }

    private void Norm(string p, int c)
    {
        _shapes[p + ".weight"] = [c];
        _shapes[p + ".bias"] = [c];
    }

    private void Resnet(string p, int i, int o)
    {
        Norm(p + ".in_layers.0", i);
        Conv(p + ".in_layers.2", i, o, 3);
        Linear(p + ".emb_layers.1", 1280, o);
        Norm(p + ".out_layers.0", o);
        Conv(p + ".out_layers.3", o, o, 3);
        if (i != o)
        {
            Conv(p + ".skip_connection", i, o, 1);
        }
    }

    private void Attention(string p, int c, int context)
    {
        Linear(p + ".to_q", c, c, false);
        Linear(p + ".to_k", context, c, false);
        Linear(p + ".to_v", context, c, false);
        Linear(p + ".to_out.0", c, c);
    }

    private void Transformer(string p, int c)
    {
        Norm(p + ".norm", c);
        Conv(p + ".proj_in", c, c, 1);
        string b = p + ".transformer_blocks.0";
        Attention(b + ".attn1", c, c);
        Linear(b + ".ff.net.0.proj", c, 8 * c);
        Linear(b + ".ff.net.2", 4 * c, c);
        Attention(b + ".attn2", c, 768);
        Norm(b + ".norm1", c);
        Norm(b + ".norm2", c);
        Norm(b + ".norm3", c);
        Conv(p + ".proj_out", c, c, 1);
    }

    private List<int> EncoderHalf(string p)
    {
        Linear(p + "time_embed.0", 320, 1280);
        Linear(p + "time_embed.2", 1280, 1280);
        Conv(p + "input_blocks.0.0", 4, 320, 3);
        List<int> skips = [320];
        int c = 320, n = 0;
        for (int level = 0; level < 4; level++)
        {
            for (int j = 0; j < 2; j++)
            {
                n++;
                Resnet($"{p}input_blocks.{n}.0", c, s_mult[level] * 320);
                c = s_mult[level] * 320;
                if (level < 3)
                {
                    Transformer($"{p}input_blocks.{n}.1", c);
                }

                skips.Add(c);
            }

            if (level < 3)
            {
                n++;
                Conv($"{p}input_blocks.{n}.0.op", c, c, 3);
                skips.Add(c);
            }
        }

        Resnet(p + "middle_block.0", c, c);
        Transformer(p + "middle_block.1", c);
        Resnet(p + "middle_block.2", c, c);
        return skips;
    }

    private void Unet(string p)
    {
        List<int> skips = EncoderHalf(p);
        int c = 1280, n = 0;
        for (int level = 3; level >= 0; level--)
        {
            for (int j = 0; j < 3; j++, n++)
            {
                Resnet($"{p}output_blocks.{n}.0", c + skips[^1], s_mult[level] * 320);
                skips.RemoveAt(skips.Count - 1);
                c = s_mult[level] * 320;
                if (level < 3)
                {
                    Transformer($"{p}output_blocks.{n}.1", c);
                }

                if (level > 0 && j == 2)
                {
                    Conv($"{p}output_blocks.{n}.{(level < 3 ? 2 : 1)}.conv", c, c, 3);
                }
            }
        }

        Norm(p + "out.0", c);
        Conv(p + "out.2", c, 4, 3);
    }

    private void VaeResnet(string p, int i, int o)
    {
        Norm(p + ".norm1", i);
        Conv(p + ".conv1", i, o, 3);
        Norm(p + ".norm2", o);
        Conv(p + ".conv2", o, o, 3);
        if (i != o)
        {
            Conv(p + ".nin_shortcut", i, o, 1);
        }
    }

    private void VaeMiddle(string p)
    {
        VaeResnet(p + ".mid.block_1", 512, 512);
        Norm(p + ".mid.attn_1.norm", 512);
        foreach (string part in new[] { "q", "k", "v", "proj_out" })
        {
            Conv($"{p}.mid.attn_1.{part}", 512, 512, 1);
        }

        VaeResnet(p + ".mid.block_2", 512, 512);
    }

    private void Vae(string p)
    {
        string e = p + "encoder", d = p + "decoder";
        Conv(e + ".conv_in", 3, 128, 3);
        Conv(d + ".conv_in", 4, 512, 3);
        int down = 128, up = 512;
        for (int level = 0; level < 4; level++)
        {
            for (int j = 0; j < 2; j++)
            {
                VaeResnet($"{e}.down.{level}.block.{j}", down, 128 * s_mult[level]);
                down = 128 * s_mult[level];
            }

            for (int j = 0; j < 3; j++)
            {
                VaeResnet($"{d}.up.{3 - level}.block.{j}", up, 128 * s_mult[3 - level]);
                up = 128 * s_mult[3 - level];
            }

            if (level < 3)
            {
                Conv($"{e}.down.{level}.downsample.conv", down, down, 3);
                Conv($"{d}.up.{3 - level}.upsample.conv", up, up, 3);
            }
        }

        VaeMiddle(e);
        VaeMiddle(d);
        Norm(e + ".norm_out", 512);
        Conv(e + ".conv_out", 512, 8, 3);
        Norm(d + ".norm_out", 128);
        Conv(d + ".conv_out", 128, 3, 3);
        Conv(p + "quant_conv", 8, 8, 1);
        Conv(p + "post_quant_conv", 4, 4, 1);
    }

    private void Clip(string p)
    {
        _shapes[p + "embeddings.token_embedding.weight"] = [49408, 768];
        _shapes[p + "embeddings.position_embedding.weight"] = [77, 768];
        for (int i = 0; i < 12; i++)
        {
            string b = $"{p}encoder.layers.{i}.";
            foreach (string part in new[] { "q_proj", "k_proj", "v_proj", "out_proj" })
            {
                Linear(b + "self_attn." + part, 768, 768);
            }

            Norm(b + "layer_norm1", 768);
            Linear(b + "mlp.fc1", 768, 3072);
            Linear(b + "mlp.fc2", 3072, 768);
            Norm(b + "layer_norm2", 768);
        }

        Norm(p + "final_layer_norm", 768);
    }
}
