using System;
using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>
/// The half of a UNet a control network is a copy of: time embedding, input convolution, the way down and the middle.
/// Source: Rombach et al., 2022, arXiv:2112.10752, openaimodel.py UNetModel; Zhang et al., 2023, arXiv:2302.05543,
/// figure 3.
/// </summary>
internal sealed class UnetEncoder : Module, IControlEncoder
{
    private readonly TimeEmbedding _time;
    private readonly Conv2d _convIn;
    private readonly List<DownStage> _stages = [];
    private readonly MiddleStage _middle;
    private readonly UnetConfig _config;
    private readonly Device _device;
    private readonly string _owner;

    /// <summary>Takes <c>time_embedding</c>, <c>conv_in</c>, <c>down_blocks</c> and <c>mid_block</c>.</summary>
    /// <param name="weights">The whole checkpoint of the network.</param>
    /// <param name="config">The network.</param>
    /// <param name="owner">What messages call the network: UNet or ControlNet.</param>
    public UnetEncoder(WeightMap weights, UnetConfig config, string owner)
        : base(weights)
    {
        (_config, _owner, _device) = (config, owner, weights.Device);
        _time = Own(new TimeEmbedding(weights, config));
        _convIn = Own(new Conv2d(weights.In("conv_in"), config.InChannels, config.BlockOutChannels[0], kernel: 3));
        for (int level = 0; level < config.Levels; level++)
        {
            _stages.Add(Own(new DownStage(
                weights.In($"down_blocks.{level}").At(config.ImageSizeOf(level)), config, level)));
        }

        _middle = Own(new MiddleStage(weights.In("mid_block").At(config.ImageSizeOf(config.Levels - 1)), config));
        SkipChannels = ChannelsOfSkips(config);
    }

    /// <summary>Channels of each skip: 320 x 4, 640 x 3, 1280 x 5 in Stable Diffusion.</summary>
    public IReadOnlyList<int> SkipChannels { get; }

    /// <summary>Checks the inputs of a forward and finds its timesteps.</summary>
    /// <param name="latents"><c>[N, H, W, InChannels]</c></param>
    /// <param name="timesteps">One for the batch or one for each of the latents.</param>
    /// <param name="context">The text, <c>[M, T, CrossAttentionDim]</c>; M is a multiple of N.</param>
    /// <param name="times">The timesteps of the request; null for none.</param>
    /// <returns>The timesteps, to be freed with the forward.</returns>
    /// <exception cref="ModelException">Latents, text or timesteps do not belong to this network.</exception>
    public StepTime Begin(Tensor latents, ReadOnlySpan<float> timesteps, TextContext context, TimeContext? times)
    {
        CheckInputs(latents, context.States);
        return new StepTime(_time, timesteps, latents.Shape[0], times);
    }

    /// <summary>Runs the way down and the middle on inputs that were checked by <see cref="Begin"/>.</summary>
    /// <param name="latents"><c>[N, H, W, InChannels]</c></param>
    /// <param name="time">The timesteps.</param>
    /// <param name="context">The text, <c>[M, T, CrossAttentionDim]</c>.</param>
    /// <param name="hint">
    /// Encoded hint, <c>[N or 1, H, W, BlockOutChannels[0]]</c>, added behind the input convolution; null in a UNet.
    /// </param>
    /// <returns>Tensors that belong to the caller's scope.</returns>
    public EncoderStates Forward(Tensor latents, StepTime time, TextContext context, Tensor? hint = null)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor input = _config.CenterInputSample ? Centred(latents) : latents;
        bool repeatHint = hint is not null && hint.Shape[0] != latents.Shape[0];
        Tensor h = _convIn.Forward(input, addTensor: repeatHint ? null : hint);
        if (repeatHint)
        {
            h = h.ReplacedBy(Ops.Add(h, hint!));
        }

        List<Tensor> skips = [h];
        foreach (DownStage stage in _stages)
        {
            stage.Forward(skips[^1], time, context, skips);
        }

        Tensor middle = _middle.Forward(skips[^1], time, context);
        scope.Keep(middle);
        foreach (Tensor skip in skips)
        {
            scope.Keep(skip);
        }

        return new EncoderStates(skips, middle);
    }

    private static List<int> ChannelsOfSkips(UnetConfig config)
    {
        List<int> channels = [config.BlockOutChannels[0]];
        for (int level = 0; level < config.Levels; level++)
        {
            int count = config.LayersPerBlock[level] + (level < config.Levels - 1 ? 1 : 0);
            for (int i = 0; i < count; i++)
            {
                channels.Add(config.BlockOutChannels[level]);
            }
        }

        return channels;
    }

    /// <summary>2 x - 1, for the few networks that were trained with it.</summary>
    private Tensor Centred(Tensor latents) =>
        Ops.Subtract(Ops.Scale(latents, 2f), Tensor.From(_device, new Shape(1), [1f]));

    private void CheckInputs(Tensor latents, Tensor states)
    {
        if (latents.Shape.Rank != 4 || latents.Shape.Count == 0)
        {
            throw new ModelException(
                $"the {_owner} reads latents [N, H, W, {_config.InChannels}], got {latents.Shape}");
        }

        if (latents.Shape[3] != _config.InChannels)
        {
            throw new ModelException(
                $"the {_owner} reads latents of {_config.InChannels} channels, " +
                $"got {latents.Shape[3]} in {latents.Shape}; 4 channels are latents alone, " +
                "9 latents, mask and masked image of an inpainting model: choose the checkpoint made for the task");
        }

        if (states.Shape.Rank != 3 || states.Shape[1] == 0 || states.Shape[0] == 0
            || states.Shape[0] % latents.Shape[0] != 0)
        {
            throw new ModelException(
                $"the {_owner} reads text states [{latents.Shape[0]}, T, {_config.CrossAttentionDim}], " +
                $"one for each of the latents {latents.Shape} or equally many, got {states.Shape}; " +
                "repeat or cut the text to the batch");
        }

        if (states.Shape[2] != _config.CrossAttentionDim)
        {
            throw new ModelException(
                $"the {_owner} reads text states {_config.CrossAttentionDim} wide, " +
                $"got {states.Shape[2]} in {states.Shape}: it was trained for another base model than " +
                "the text encoder (Stable Diffusion 1.x is 768 wide, 2.x 1024); " +
                $"choose a {_owner} and a text encoder of one base");
        }
    }

    StepTime? IControlEncoder.Begin(
        Tensor latents, ReadOnlySpan<float> timesteps, TextContext context, TimeContext? times) =>
        Begin(latents, timesteps, context, times);

    EncoderStates IControlEncoder.Forward(Tensor latents, StepTime? time, TextContext context, Tensor? hint) =>
        Forward(latents, time!, context, hint);
}
