using System;
using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Control;

/// <summary>
/// A control network: a copy of a UNet's encoder that also sees a control image, and speaks through 1x1 convolutions
/// that began as zeros. Source: Zhang et al., 2023, arXiv:2302.05543, figure 3; cldm.py ControlNet; diffusers'
/// ControlNetModel (v0.31).
/// </summary>
public sealed partial class ControlNetModel : AdaptableModel
{
    private readonly IControlEncoder _encoder;
    private readonly HintEncoder _hintEncoder;
    private readonly List<Conv2d> _outputs = [];
    private readonly Conv2d _middleOutput;

    /// <summary>
    /// Takes its weights under the names of diffusers: those of a UNet's encoder, <c>controlnet_cond_embedding</c>,
    /// <c>controlnet_down_blocks</c> and <c>controlnet_mid_block</c>.
    /// </summary>
    /// <param name="weights">The checkpoint of the network.</param>
    /// <param name="config">What it is built from.</param>
    /// <exception cref="CheckpointException">
    /// A weight is missing or of another shape; nothing stays allocated.
    /// </exception>
    public ControlNetModel(WeightMap weights, ControlNetConfig config)
        : base(weights, LoraNetwork.ControlNet)
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        Device = weights.Device;
        using LoadGuard guard = LoadGuard.Start();
        _encoder = config.IsLite
            ? Own(new LiteEncoder(weights, config.Encoder))
            : Own(new UnetEncoder(weights, config.Encoder, "ControlNet"));
        _hintEncoder = Own(new HintEncoder(weights.In("controlnet_cond_embedding"), config));
        for (int i = 0; i < _encoder.SkipChannels.Count; i++)
        {
            int channels = _encoder.SkipChannels[i];
            _outputs.Add(Own(new Conv2d(weights.In($"controlnet_down_blocks.{i}"), channels, channels, kernel: 1)));
        }

        int last = config.Encoder.BlockOutChannels[^1];
        _middleOutput = Own(new Conv2d(weights.In("controlnet_mid_block"), last, last, kernel: 1));
        guard.Complete();
    }

    /// <summary>What the network is built from.</summary>
    public ControlNetConfig Config { get; }

    /// <summary>The same network, its LoRA included, on a device that only plans; belongs to the caller.</summary>
    internal ControlNetModel OnPlanner(Device planner) =>
        Adapted(new ControlNetModel(Weights.OnPlanner(planner), Config));

    /// <summary>Where it computes.</summary>
    public Device Device { get; }

    /// <summary>How it stores what it computes, residuals included.</summary>
    public DType Activations => Weights.Activations;

    /// <summary>
    /// Encodes a control image. It is the same in every step of a request: encode it once and hand the result to every
    /// <see cref="Forward"/>.
    /// </summary>
    /// <param name="hint">
    /// <c>[N, H, W, ConditioningChannels]</c>, red green blue in [0, 1], eight times the size of the latents; where the
    /// configuration wants blue green red, the channels are turned round here. N of 1 serves any batch.
    /// </param>
    /// <returns>Features of the size of the latents, <c>[N, H / 8, W / 8, C]</c>.</returns>
    /// <exception cref="ModelException">The hint has another number of channels.</exception>
    public Tensor EncodeHint(Tensor hint)
    {
        ArgumentNullException.ThrowIfNull(hint);
        return _hintEncoder.Forward(hint);
    }

    /// <summary>Computes what is to be added to the UNet in one step.</summary>
    /// <param name="latents"><c>[N, H, W, InChannels]</c>, the latents the UNet sees.</param>
    /// <param name="timesteps">One for the whole batch, or one for each of the latents.</param>
    /// <param name="context">The text, <c>[M, T, CrossAttentionDim]</c>; M is N or a multiple.</param>
    /// <param name="hintFeatures">From <see cref="EncodeHint"/>, <c>[N or 1, H, W, C]</c>.</param>
    /// <param name="times">The timesteps of the whole request, to save work; or none.</param>
    /// <returns>
    /// Residuals at full strength, <c>[M, H, W, C]</c>, pooled where the configuration says so. The tensors belong to
    /// the caller's <see cref="TensorScope"/>, or to the caller.
    /// </returns>
    /// <exception cref="ModelException">Latents, text or hint do not belong together.</exception>
    public ControlResiduals Forward(
        Tensor latents, ReadOnlySpan<float> timesteps, TextContext context, Tensor hintFeatures,
        TimeContext? times = null)
    {
        ArgumentNullException.ThrowIfNull(latents);
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(hintFeatures);
        CheckHint(latents.Shape, hintFeatures.Shape);
        using TensorScope scope = TensorScope.Enter();
        using StepTime? time = _encoder.Begin(latents, timesteps, context, times);
        EncoderStates states = _encoder.Forward(latents, time, context, hintFeatures);
        Tensor[] skips = new Tensor[_outputs.Count];
        for (int i = 0; i < skips.Length; i++)
        {
            skips[i] = states.Skips[i].ReplacedBy(_outputs[i].Forward(states.Skips[i]));
        }

        ControlResiduals residuals = new(skips, _middleOutput.Forward(states.Middle));
        if (Config.GlobalPoolConditions)
        {
            residuals = residuals.Pooled();
        }

        residuals = residuals.ForEach(context);
        foreach (Tensor skip in residuals.Skips)
        {
            scope.Keep(skip);
        }

        scope.Keep(residuals.Middle);
        return residuals;
    }

    private void CheckHint(Shape latents, Shape hint)
    {
        if (latents.Rank != 4 || hint.Rank != 4)
        {
            throw new ModelException(
                $"the ControlNet reads latents and hint features [N, H, W, C], got {latents} and {hint}; " +
                "encode the hint first");
        }

        if (hint[1] != latents[1] || hint[2] != latents[2])
        {
            int factor = Config.HintDownscale;
            throw new ModelException(
                $"the hint covers {hint[1]} x {hint[2]} latent pixels, the latents have {latents[1]} x {latents[2]}; " +
                $"resize the control image to {latents[1] * factor} x {latents[2] * factor} pixels (height x width)");
        }

        if (hint[0] != 1 && hint[0] != latents[0])
        {
            throw new ModelException(
                $"{hint[0]} hints do not fit {latents[0]} latents; give one for all or one for each");
        }

        if (hint[3] != Config.Encoder.BlockOutChannels[0])
        {
            throw new ModelException(
                $"the hint features have {hint[3]} channels, this ControlNet reads " +
                $"{Config.Encoder.BlockOutChannels[0]}; encode the hint with the same network");
        }
    }
}
