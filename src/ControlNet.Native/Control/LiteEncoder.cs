using System;
using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Control;

/// <summary>
/// "ControlNet-lite", for comparison: each block of the trainable copy replaced by a single convolution, which sees
/// neither timestep nor text. Source: Zhang et al., 2023, arXiv:2302.05543, section 4.2 and figure 8 c.
/// </summary>
internal sealed class LiteEncoder : Module, IControlEncoder
{
    private readonly Conv2d _convIn;
    private readonly List<Conv2d> _blocks = [];
    private readonly Conv2d _middle;
    private readonly UnetConfig _config;

    /// <summary>Takes <c>conv_in</c>, <c>lite_blocks.0</c> onwards and <c>lite_mid_block</c>.</summary>
    public LiteEncoder(WeightMap weights, UnetConfig config)
        : base(weights)
    {
        _config = config;
        List<int> channels = [config.BlockOutChannels[0]];
        _convIn = Own(new Conv2d(weights.In("conv_in"), config.InChannels, channels[0], kernel: 3));
        for (int level = 0; level < config.Levels; level++)
        {
            int width = config.BlockOutChannels[level];
            for (int layer = 0; layer < config.LayersPerBlock[level]; layer++)
            {
                Add(width, stride: 1);
            }

            if (level + 1 < config.Levels)
            {
                Add(width, stride: 2);
            }
        }

        SkipChannels = channels;
        _middle = Own(new Conv2d(weights.In("lite_mid_block"), channels[^1], channels[^1], kernel: 3));

        void Add(int width, int stride)
        {
            WeightMap own = weights.In($"lite_blocks.{_blocks.Count}");
            _blocks.Add(Own(new Conv2d(own, channels[^1], width, kernel: 3, stride)));
            channels.Add(width);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<int> SkipChannels { get; }

    /// <inheritdoc/>
    public StepTime? Begin(
        Tensor latents, ReadOnlySpan<float> timesteps, TextContext context, TimeContext? times) =>
        latents.Shape.Rank == 4 && latents.Shape[3] == _config.InChannels
            ? null
            : throw new ModelException(
                $"the ControlNet reads latents [N, H, W, {_config.InChannels}], got {latents.Shape}; choose one made " +
                "for this checkpoint");

    /// <inheritdoc/>
    public EncoderStates Forward(Tensor latents, StepTime? time, TextContext context, Tensor? hint)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor h = _convIn.Forward(latents);
        List<Tensor> skips = [hint is null ? h : Ops.Add(h, hint)];
        foreach (Conv2d block in _blocks)
        {
            skips.Add(block.Forward(skips[^1], Activation.Silu));
        }

        Tensor middle = scope.Keep(context.ForEach(_middle.Forward(skips[^1], Activation.Silu)));
        foreach (Tensor skip in skips)
        {
            scope.Keep(skip);
        }

        return new EncoderStates(skips, middle);
    }
}
