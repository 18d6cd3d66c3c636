using System.Collections.Generic;

namespace ControlNet.Native.Bench.Table;

/// <summary>A tensor of a checkpoint.</summary>
/// <param name="Name">In the original layout.</param>
/// <param name="Shape">Extents as stored.</param>
/// <param name="IsScale">Whether it scales a norm, and so lies about 1.</param>
/// <param name="IsTable">Whether its rows are looked up rather than multiplied.</param>
internal sealed record CheckpointTensor(string Name, int[] Shape, bool IsScale = false, bool IsTable = false);

/// <summary>
/// Names and shapes of Stable Diffusion 1.5 in the layout of CompVis' single files. Source: configs/stable-diffusion of
/// CompVis/stable-diffusion and models/cldm_v15.yaml of lllyasviel/ControlNet.
/// </summary>
internal sealed class CheckpointNames
{
    private const int Words = 768, Width = 320, TimeWidth = 1280;
    private static readonly int[] s_widths = [320, 640, 1280, 1280];
    private static readonly int[] s_vaeWidths = [128, 256, 512, 512];
    private readonly List<CheckpointTensor> _tensors = [];

    /// <summary>Everything named so far.</summary>
    public IReadOnlyList<CheckpointTensor> Tensors => _tensors;

    /// <summary>The UNet.</summary>
    public void Unet(string at)
    {
        Stack<int> skips = UnetEncoder(at);
        int channels = s_widths[^1], block = 0;
        for (int level = s_widths.Length - 1; level >= 0; level--)
        {
            for (int i = 0; i < 3; i++, block++)
            {
                string p = $"{at}output_blocks.{block}";
                Resnet($"{p}.0", channels + skips.Pop(), channels = s_widths[level]);
                if (level < 3)
                {
                    Transformer($"{p}.1", channels);
                }

                if (level > 0 && i == 2)
                {
                    Conv($"{p}.{(level < 3 ? 2 : 1)}.conv", channels, channels, 3);
                }
            }
        }

        Norm($"{at}out.0", channels);
        Conv($"{at}out.2", channels, 4, 3);
    }

    /// <summary>The ControlNet: the UNet's first half, a convolution out of each skip, and the hint's own.</summary>
    public void Control(string at)
    {
        int[] skips = [.. UnetEncoder(at)];
        for (int i = 0; i < skips.Length; i++)
        {
            int channels = skips[skips.Length - 1 - i];
            Conv($"{at}zero_convs.{i}.0", channels, channels, 1);
        }

        Conv($"{at}middle_block_out.0", s_widths[^1], s_widths[^1], 1);
        int[] hint = [3, 16, 16, 32, 32, 96, 96, 256, Width];
        for (int i = 0; i < 8; i++)
        {
            Conv($"{at}input_hint_block.{2 * i}", hint[i], hint[i + 1], 3);
        }
    }

    /// <summary>The autoencoder.</summary>
    public void Vae(string at)
    {
        string encoder = $"{at}encoder", decoder = $"{at}decoder";
        Conv($"{encoder}.conv_in", 3, 128, 3);
        int channels = 128;
        for (int level = 0; level < 4; level++)
        {
            for (int i = 0; i < 2; i++)
            {
                VaeResnet($"{encoder}.down.{level}.block.{i}", channels, channels = s_vaeWidths[level]);
            }

            if (level < 3)
            {
                Conv($"{encoder}.down.{level}.downsample.conv", channels, channels, 3);
            }
        }

        VaeMiddle(encoder, channels, 8);
        Conv($"{decoder}.conv_in", 4, channels, 3);
        for (int level = 3; level >= 0; level--)
        {
            for (int i = 0; i < 3; i++)
            {
                VaeResnet($"{decoder}.up.{level}.block.{i}", channels, channels = s_vaeWidths[level]);
            }

            if (level > 0)
            {
                Conv($"{decoder}.up.{level}.upsample.conv", channels, channels, 3);
            }
        }

        VaeMiddle(decoder, s_vaeWidths[^1], 3, channels);
        Conv($"{at}quant_conv", 8, 8, 1);
        Conv($"{at}post_quant_conv", 4, 4, 1);
    }

    /// <summary>The text encoder.</summary>
    public void Text(string at)
    {
        _tensors.Add(new($"{at}embeddings.token_embedding.weight", [49408, Words], IsTable: true));
        _tensors.Add(new($"{at}embeddings.position_embedding.weight", [77, Words], IsTable: true));
        for (int i = 0; i < 12; i++)
        {
            string p = $"{at}encoder.layers.{i}.";
            foreach (string name in (string[])["q_proj", "k_proj", "v_proj", "out_proj"])
            {
                Linear($"{p}self_attn.{name}", Words, Words);
            }

            Norm($"{p}layer_norm1", Words);
            Linear($"{p}mlp.fc1", Words, 4 * Words);
            Linear($"{p}mlp.fc2", 4 * Words, Words);
            Norm($"{p}layer_norm2", Words);
        }

        Norm($"{at}final_layer_norm", Words);
    }

    private Stack<int> UnetEncoder(string at)
    {
        Linear($"{at}time_embed.0", Width, TimeWidth);
        Linear($"{at}time_embed.2", TimeWidth, TimeWidth);
        Conv($"{at}input_blocks.0.0", 4, Width, 3);
        Stack<int> skips = new([Width]);
        int channels = Width, block = 1;
        for (int level = 0; level < s_widths.Length; level++)
        {
            for (int i = 0; i < 2; i++, block++)
            {
                Resnet($"{at}input_blocks.{block}.0", channels, channels = s_widths[level]);
                if (level < 3)
                {
                    Transformer($"{at}input_blocks.{block}.1", channels);
                }

                skips.Push(channels);
            }

            if (level < 3)
            {
                Conv($"{at}input_blocks.{block++}.0.op", channels, channels, 3);
                skips.Push(channels);
            }
        }

        Resnet($"{at}middle_block.0", channels, channels);
        Transformer($"{at}middle_block.1", channels);
        Resnet($"{at}middle_block.2", channels, channels);
        return skips;
    }

    private void Resnet(string at, int channels, int features)
    {
        Norm($"{at}.in_layers.0", channels);
        Conv($"{at}.in_layers.2", channels, features, 3);
        Linear($"{at}.emb_layers.1", TimeWidth, features);
        Norm($"{at}.out_layers.0", features);
        Conv($"{at}.out_layers.3", features, features, 3);
        if (channels != features)
        {
            Conv($"{at}.skip_connection", channels, features, 1);
        }
    }

    private void Transformer(string at, int channels)
    {
        Norm($"{at}.norm", channels);
        Conv($"{at}.proj_in", channels, channels, 1);
        string block = $"{at}.transformer_blocks.0";
        foreach ((string name, int source) in ((string, int)[])[("attn1", channels), ("attn2", Words)])
        {
            Linear($"{block}.{name}.to_q", channels, channels, bias: false);
            Linear($"{block}.{name}.to_k", source, channels, bias: false);
            Linear($"{block}.{name}.to_v", source, channels, bias: false);
            Linear($"{block}.{name}.to_out.0", channels, channels);
        }

        Linear($"{block}.ff.net.0.proj", channels, 8 * channels);
        Linear($"{block}.ff.net.2", 4 * channels, channels);
        Norm($"{block}.norm1", channels);
        Norm($"{block}.norm2", channels);
        Norm($"{block}.norm3", channels);
        Conv($"{at}.proj_out", channels, channels, 1);
    }

    private void VaeResnet(string at, int channels, int features)
    {
        Norm($"{at}.norm1", channels);
        Conv($"{at}.conv1", channels, features, 3);
        Norm($"{at}.norm2", features);
        Conv($"{at}.conv2", features, features, 3);
        if (channels != features)
        {
            Conv($"{at}.nin_shortcut", channels, features, 1);
        }
    }

    /// <summary>The middle of one half of the autoencoder, and its last layers.</summary>
    private void VaeMiddle(string at, int channels, int results, int? lastChannels = null)
    {
        VaeResnet($"{at}.mid.block_1", channels, channels);
        Norm($"{at}.mid.attn_1.norm", channels);
        foreach (string name in (string[])["q", "k", "v", "proj_out"])
        {
            Conv($"{at}.mid.attn_1.{name}", channels, channels, 1);
        }

        VaeResnet($"{at}.mid.block_2", channels, channels);
        Norm($"{at}.norm_out", lastChannels ?? channels);
        Conv($"{at}.conv_out", lastChannels ?? channels, results, 3);
    }

    private void Norm(string at, int channels)
    {
        _tensors.Add(new($"{at}.weight", [channels], IsScale: true));
        _tensors.Add(new($"{at}.bias", [channels]));
    }

    private void Conv(string at, int channels, int features, int kernel)
    {
        _tensors.Add(new($"{at}.weight", [features, channels, kernel, kernel]));
        _tensors.Add(new($"{at}.bias", [features]));
    }

    private void Linear(string at, int inputs, int outputs, bool bias = true)
    {
        _tensors.Add(new($"{at}.weight", [outputs, inputs]));
        if (bias)
        {
            _tensors.Add(new($"{at}.bias", [outputs]));
        }
    }
}
