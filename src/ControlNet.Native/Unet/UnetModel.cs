using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>
/// Estimates the noise in latents, or the velocity, as the checkpoint was trained to. Source: Rombach et al., 2022,
/// arXiv:2112.10752, openaimodel.py UNetModel; diffusers' UNet2DConditionModel (v0.31).
/// </summary>
public sealed class UnetModel : AdaptableModel
{
    private readonly UnetEncoder _encoder;
    private readonly List<UpStage> _stages = [];
    private readonly GroupNorm _normOut;
    private readonly Conv2d _convOut;

    /// <summary>
    /// Takes its weights under the names of diffusers: <c>conv_in</c>, <c>down_blocks</c>, …, <c>conv_out</c>.
    /// </summary>
    /// <param name="weights">The checkpoint of the UNet.</param>
    /// <param name="config">What it is built from.</param>
    /// <exception cref="CheckpointException">
    /// A weight is missing or of another shape; nothing stays allocated.
    /// </exception>
    public UnetModel(WeightMap weights, UnetConfig config)
        : this(weights, config, null)
    {
    }

    /// <summary>
    /// The same with an encoder used otherwise: to train a ControlNet gradients pass the way up, but never the way
    /// down, which then stays packed.
    /// </summary>
    internal UnetModel(WeightMap weights, UnetConfig config, WeightUse? encoderUse)
        : base(weights, LoraNetwork.Unet)
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        using LoadGuard guard = LoadGuard.Start();
        _encoder = Own(new UnetEncoder(weights.For(encoderUse ?? weights.Use), config, "UNet"));
        Stack<int> skipChannels = new(_encoder.SkipChannels);
        for (int level = config.Levels - 1; level >= 0; level--)
        {
            _stages.Add(Own(new UpStage(
                weights.In($"up_blocks.{config.Levels - 1 - level}").At(config.ImageSizeOf(level)), config, level,
                skipChannels)));
        }

        int channels = config.BlockOutChannels[0];
        _normOut = Own(new GroupNorm(
            weights.In("conv_norm_out"), channels, config.NormGroups, config.NormEps, Activation.Silu));
        _convOut = Own(new Conv2d(
            weights.In("conv_out"), channels, config.OutChannels, kernel: 3, result: DType.F32));
        guard.Complete();
    }

    /// <summary>What the network is built from.</summary>
    public UnetConfig Config { get; }

    /// <summary>How it stores what it computes; the estimate itself is F32.</summary>
    public DType Activations => Weights.Activations;

    /// <summary>The same network, its LoRA included, on a device that only plans; belongs to the caller.</summary>
    internal UnetModel OnPlanner(Device planner) =>
        Adapted(new UnetModel(Weights.OnPlanner(planner), Config));

    /// <summary>Estimates the noise in a batch of latents.</summary>
    /// <param name="latents">
    /// <c>[N, H, W, InChannels]</c>, scaled as the sampler wants it; any H and W, an eighth of the image's. A channel
    /// count of 9 is latents, mask and masked image of an inpainting model.
    /// </param>
    /// <param name="timesteps">One for the whole batch, or one for each of the latents; may be fractional.</param>
    /// <param name="context">
    /// The text, <c>[M, T, CrossAttentionDim]</c>; M is N or a multiple, 2 N with guidance. Keep one context for all
    /// steps of a request.
    /// </param>
    /// <param name="residuals">
    /// What control networks add to the skips and to the middle, before a skip is joined to the way up; or none.
    /// </param>
    /// <param name="times">The timesteps of the whole request, to save work; or none.</param>
    /// <returns>
    /// F32 <c>[M, H, W, OutChannels]</c>: member i is the estimate for text i and the latents i modulo N, to the last
    /// bit what the repeated latents would give.
    /// </returns>
    /// <exception cref="ModelException">Latents, text or residuals do not belong to this network.</exception>
    public Tensor Forward(
        Tensor latents, ReadOnlySpan<float> timesteps, TextContext context, ISkipResiduals? residuals = null,
        TimeContext? times = null)
    {
        ArgumentNullException.ThrowIfNull(latents);
        ArgumentNullException.ThrowIfNull(context);
        using TensorScope scope = TensorScope.Enter();
        using StepTime time = _encoder.Begin(latents, timesteps, context, times);
        CheckResiduals(residuals, latents.Shape[0], context.States.Shape[0]);
        EncoderStates states = _encoder.Forward(latents, time, context);
        SkipStack skips = new(states.Skips, residuals, context);
        Tensor h = skips.Controlled(states.Middle, residuals?.Middle);
        foreach (UpStage stage in _stages)
        {
            h = stage.Forward(h, time, context, skips);
        }

        h = h.ReplacedBy(_normOut.Forward(h));
        return scope.Keep(_convOut.Forward(h));
    }

    private void CheckResiduals(ISkipResiduals? residuals, int latents, int texts)
    {
        if (residuals is null)
        {
            return;
        }

        int[] found = [.. residuals.Skips.Select(skip => skip.Shape[-1]), residuals.Middle.Shape[-1]];
        int[] wanted = [.. _encoder.SkipChannels, Config.BlockOutChannels[^1]];
        if (!found.SequenceEqual(wanted))
        {
            throw new ModelException(
                $"the control residuals are {found.Length} images of {string.Join(", ", found)} channels, " +
                $"the UNet takes {wanted.Length} of {string.Join(", ", wanted)}: " +
                "the ControlNet was made for another base model; choose one made for this checkpoint");
        }

        foreach (Tensor residual in residuals.Skips.Append(residuals.Middle))
        {
            if (residual.DType != Activations)
            {
                throw new ModelException(
                    $"a control residual is {residual}, the UNet computes with {Activations.Name()} " +
                    "activations; load UNet and ControlNet with the same");
            }

            Shape shape = residual.Shape;
            if (shape.Rank != 4 || (shape[0] != 1 && shape[0] != latents && shape[0] != texts))
            {
                throw new ModelException(
                    $"a control residual is {shape}, but must be [B, H, W, C] with B of {texts}, one for each text, " +
                    $"{latents}, one for each of the latents, or 1");
            }
        }
    }
}
