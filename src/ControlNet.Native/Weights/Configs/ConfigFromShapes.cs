using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>
/// Works a configuration out from the shapes of the weights, for files that carry none. What shapes cannot tell takes
/// the value every published Stable Diffusion 1.x or 2.x has: 32 norm groups; 8 heads where transformers begin with a
/// convolution (1.x), 64 channels a head where they begin with a linear layer (2.x) and in text encoders. Where those
/// values do not fit, the model is another one and a configuration is asked for instead of guessing.
/// </summary>
internal sealed class ConfigFromShapes
{
    private const int NormGroups = 32;
    private const int HeadsOfSd1 = 8;
    private const int HeadWidth = 64;

    private readonly ComponentWeights _weights;

    public ConfigFromShapes(ComponentWeights weights) => _weights = weights;

    public UnetConfig Unet()
    {
        UnetConfig config = Encoder();
        int levels = config.Levels;
        return config with
        {
            OutChannels = Extent("conv_out.weight", 0),
            UpAttention = PerLevel(levels, level => HasAny($"up_blocks.{levels - 1 - level}.attentions.")),
        };
    }

    public ControlNetConfig ControlNet()
    {
        const string hint = "controlnet_cond_embedding.";
        List<int> widths = [Extent(hint + "conv_in.weight", 0)];

        // Blocks come in pairs: one keeps the width, the next has stride 2 and the next width.
        for (int block = 1; _weights.Slots.ContainsKey($"{hint}blocks.{block}.weight"); block += 2)
        {
            widths.Add(Extent($"{hint}blocks.{block}.weight", 0));
        }

        return new ControlNetConfig
        {
            Encoder = Encoder(),
            ConditioningChannels = Extent(hint + "conv_in.weight", 1),
            ConditioningEmbeddingOutChannels = widths,
        };
    }

    public VaeConfig Vae()
    {
        int[] channels = Channels("encoder.down_blocks.");
        RequireGroups(channels, "autoencoder");
        return new VaeConfig
        {
            InChannels = Extent("encoder.conv_in.weight", 1),
            OutChannels = Extent("decoder.conv_out.weight", 0),
            LatentChannels = Extent("decoder.conv_in.weight", 1),
            BlockOutChannels = channels,
            LayersPerBlock = Indices("encoder.down_blocks.0.resnets.").Count,
            UseQuantConv = HasAny("quant_conv."),
            UsePostQuantConv = HasAny("post_quant_conv."),
            MidAttention = HasAny("encoder.mid_block.attentions."),
        };
    }

    public ClipTextConfig Text(bool isOpenClip)
    {
        int hidden = Extent("text_model.embeddings.token_embedding.weight", 1);
        if (hidden % HeadWidth != 0)
        {
            throw Unknown("text encoder", $"its states of width {hidden} cannot be heads of {HeadWidth} channels");
        }

        return new ClipTextConfig
        {
            VocabSize = Extent("text_model.embeddings.token_embedding.weight", 0),
            HiddenSize = hidden,
            IntermediateSize = Extent("text_model.encoder.layers.0.mlp.fc1.weight", 0),
            Layers = Indices("text_model.encoder.layers.").Count,
            Heads = hidden / HeadWidth,
            MaxPositions = Extent("text_model.embeddings.position_embedding.weight", 0),

            // CLIP ViT-L/14 (width 768) was trained with the sigmoid approximation, OpenCLIP's ViT-H/14 (1024) without.
            HiddenActivation = isOpenClip || hidden == 1024 ? Activation.Gelu : Activation.QuickGelu,
        };
    }

    private UnetConfig Encoder()
    {
        int[] channels = Channels("down_blocks.");
        RequireGroups(channels, "UNet");
        string? first = _weights.Slots.Keys.FirstOrDefault(
            name => name.EndsWith(".attentions.0.proj_in.weight", StringComparison.Ordinal));
        if (first is null)
        {
            throw Unknown("UNet", "it has no transformers");
        }

        if (_weights.Slots.Keys.Any(name => name.Contains(".transformer_blocks.1.", StringComparison.Ordinal)))
        {
            throw new CheckpointException(
                $"{MessageText.Name(_weights.Source)}: the UNet has several transformer blocks in a row (Stable " +
                "Diffusion XL); this library computes Stable Diffusion 1.x and 2.x");
        }

        bool isLinear = _weights.Slots[first].Extents.Count == 2;
        string attention = first.Replace(
            "proj_in.weight", "transformer_blocks.0.attn2.to_k.weight", StringComparison.Ordinal);
        int[] heads = [.. channels.Select(c => isLinear ? c / HeadWidth : HeadsOfSd1)];
        if (isLinear && channels.Any(c => c % HeadWidth != 0))
        {
            throw Unknown("UNet", $"its channels [{string.Join(", ", channels)}] cannot be heads of {HeadWidth}");
        }

        return new UnetConfig
        {
            InChannels = Extent("conv_in.weight", 1),
            BlockOutChannels = channels,
            LayersPerBlock = PerLevel(channels.Length, level => Indices($"down_blocks.{level}.resnets.").Count),
            DownAttention = PerLevel(channels.Length, level => HasAny($"down_blocks.{level}.attentions.")),
            UpAttention = PerLevel(channels.Length, level => HasAny($"down_blocks.{level}.attentions.")),
            Heads = heads,
            CrossAttentionDim = Extent(attention, 1),
            UseLinearProjection = isLinear,
            TimeEmbedDim = Extent("time_embedding.linear_1.weight", 0),
        };
    }

    private static T[] PerLevel<T>(int levels, Func<int, T> value) => [.. Enumerable.Range(0, levels).Select(value)];

    private int[] Channels(string prefix) =>
        [.. Indices(prefix).Select(level => Extent($"{prefix}{level}.resnets.0.conv1.weight", 0))];

    private void RequireGroups(int[] channels, string model)
    {
        if (channels.Length == 0 || channels.Any(c => c % NormGroups != 0))
        {
            throw Unknown(model, $"its channels [{string.Join(", ", channels)}] cannot form {NormGroups} norm groups");
        }
    }

    private IReadOnlyList<int> Indices(string prefix) => NameRules.Indices(_weights.Slots.Keys, prefix);

    private bool HasAny(string prefix) =>
        _weights.Slots.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));

    private int Extent(string name, int axis)
    {
        if (!_weights.Slots.TryGetValue(name, out WeightSlot? slot) || slot.Extents.Count <= axis)
        {
            throw new CheckpointException(
                $"{MessageText.Name(_weights.Source)}: has no weight '{name}' to tell its architecture from; " +
                "the file is incomplete");
        }

        return (int)Math.Min(slot.Extents[axis], int.MaxValue);
    }

    private CheckpointException Unknown(string model, string why) => new(
        $"{MessageText.Name(_weights.Source)}: the configuration of the {model} cannot be told from its weights " +
        $"({why}); give the folder of its config.json by " +
        $"{nameof(CheckpointOptions)}.{nameof(CheckpointOptions.ConfigsFrom)}");
}
