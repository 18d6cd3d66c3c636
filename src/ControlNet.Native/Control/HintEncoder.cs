using System;
using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Control;

/// <summary>
/// Brings a control image to the size of the latents: eight 3x3 convolutions with SiLU between, three of them of stride
/// 2. Source: Zhang et al., 2023, arXiv:2302.05543, section 3.3; cldm.py input_hint_block.
/// </summary>
internal sealed class HintEncoder : Module
{
    private readonly List<Conv2d> _convolutions = [];
    private readonly Conv2d _convOut;
    private readonly ControlNetConfig _config;

    /// <summary>Takes <c>conv_in</c>, <c>blocks.0</c> onwards and <c>conv_out</c>.</summary>
    public HintEncoder(WeightMap weights, ControlNetConfig config)
        : base(weights)
    {
        _config = config;
        IReadOnlyList<int> widths = config.ConditioningEmbeddingOutChannels;
        _convolutions.Add(Own(new Conv2d(weights.In("conv_in"), config.ConditioningChannels, widths[0], kernel: 3)));
        for (int i = 0; i + 1 < widths.Count; i++)
        {
            _convolutions.Add(Own(new Conv2d(weights.In($"blocks.{2 * i}"), widths[i], widths[i], kernel: 3)));
            _convolutions.Add(Own(new Conv2d(
                weights.In($"blocks.{(2 * i) + 1}"), widths[i], widths[i + 1], kernel: 3, stride: 2)));
        }

        _convOut = Own(new Conv2d(
            weights.In("conv_out"), widths[^1], config.Encoder.BlockOutChannels[0], kernel: 3, alsoOutputOf: Path));
    }

    /// <param name="hint"><c>[N, H, W, ConditioningChannels]</c>, values in [0, 1].</param>
    /// <returns><c>[N, H / 8, W / 8, C]</c>, rounded up.</returns>
    /// <exception cref="ModelException">The hint has another number of channels.</exception>
    public Tensor Forward(Tensor hint)
    {
        if (hint.Shape.Rank != 4 || hint.Shape.Count == 0 || hint.Shape[3] != _config.ConditioningChannels)
        {
            throw new ModelException(
                $"the ControlNet reads hints [N, H, W, {_config.ConditioningChannels}], got {hint.Shape}; " +
                "convert the control image to that many channels");
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor h = _config.ConditioningIsBgr ? ChannelsReversed(hint) : hint;
        foreach (Conv2d convolution in _convolutions)
        {
            Tensor next = convolution.Forward(h, Activation.Silu);
            h = ReferenceEquals(h, hint) ? next : h.ReplacedBy(next);
        }

        return scope.Keep(_convOut.Forward(h));
    }

    private static Tensor ChannelsReversed(Tensor image)
    {
        Tensor[] channels = new Tensor[image.Shape[3]];
        for (int i = 0; i < channels.Length; i++)
        {
            channels[i] = Ops.Slice(image, -1, channels.Length - 1 - i, 1);
        }

        return Ops.Concat(-1, channels.AsSpan());
    }
}
