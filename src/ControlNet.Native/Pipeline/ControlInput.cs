using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;

namespace ControlNet.Native;

/// <summary>A control image, the ControlNet that reads it, and how and when it acts.</summary>
public sealed record ControlInput
{
    /// <summary>The net; it must be made for the base model it is used with. Several inputs may share one.</summary>
    public required ControlNetModel Net { get; init; }

    /// <summary>
    /// The hint, an edge map, depth map, pose, … as the net was trained on: a picture as it is, or floats of as many
    /// channels as the net reads. Any size: <see cref="Resize"/> brings it to that of the result. A picture is read as
    /// RGB in [0, 1]; a net that was trained on BGR says so in its configuration and is fed BGR.
    /// </summary>
    public required ControlHint Image { get; init; }

    /// <summary>How hint and mask come to the size of the result.</summary>
    public HintResize Resize { get; init; } = HintResize.Stretch;

    /// <summary>
    /// Where in the picture it acts: residuals are multiplied by the mask's mean over each of their pixels. Null acts
    /// everywhere; where the mask is black all over, the net is not computed.
    /// </summary>
    public ControlMask? Mask { get; init; }

    /// <summary>Factor of the 13 residuals, 0 to 2. At 0 the net is not computed.</summary>
    public float Scale { get; init; } = 1f;

    /// <summary>
    /// Share of the sampler's calls after which the control begins to act, from 0 to less than <see cref="End"/>: call
    /// i of n, counted from 0, is within the window if i / n is at least this. Outside of it the net is not computed.
    /// </summary>
    public double Start { get; init; }

    /// <summary>Share of the sampler's calls after which it ends: (i + 1) / n is at most this. At most 1.</summary>
    public double End { get; init; } = 1;

    /// <summary>
    /// How it weighs against the prompt. A net whose residuals are pooled over the image
    /// (<see cref="Weights.ControlNetConfig.GlobalPoolConditions"/>) acts on the conditional half in every mode.
    /// </summary>
    public ControlMode Mode { get; init; }

    /// <summary>Which scales <see cref="ControlMode.Guess"/> gives the residuals.</summary>
    public GuessRamp GuessRamp { get; init; }

    /// <summary>
    /// A factor for each residual beside <see cref="Scale"/> and those of the mode, 0 to 2: one for each skip from full
    /// resolution down, and one for the middle, <see cref="ControlNetModel.ResidualCount"/> in all, 13 in Stable
    /// Diffusion. Null is 1 for all; where all are 0, the net is not computed.
    /// </summary>
    public IReadOnlyList<float>? LayerScales { get; init; }

    /// <summary>Whether only the conditional half of guidance is controlled.</summary>
    internal bool ActsOnConditionOnly =>
        Mode is ControlMode.Control or ControlMode.Guess || Net.Config.GlobalPoolConditions;

    /// <summary>Whether it changes anything at all.</summary>
    private bool HasEffect =>
        Scale > 0 && Mask is not { IsBlack: true } && LayerScales?.All(scale => scale == 0) != true;

    /// <summary>Whether the net is to be computed for a call of the sampler.</summary>
    /// <param name="call">The call, from 0.</param>
    /// <param name="callCount">Calls in all.</param>
    internal bool ActsAt(int call, int callCount) =>
        HasEffect && call / (double)callCount >= Start && (call + 1) / (double)callCount <= End;

    /// <summary>What each residual is multiplied by; null where all keep what they have.</summary>
    internal float[]? Factors()
    {
        int count = Net.ResidualCount;
        bool isGuess = Mode == ControlMode.Guess && GuessRamp == GuessRamp.Diffusers;
        float[]? ramp = Mode switch
        {
            ControlMode.Balanced => null,
            _ when !isGuess => ControlResiduals.SoftRamp(count),
            _ when !Net.Config.GlobalPoolConditions => ControlResiduals.GuessRamp(count),
            _ => null,
        };
        return ramp is null && LayerScales is null && Scale == 1f
            ? null
            : [.. Enumerable.Range(0, count).Select(i => (ramp?[i] ?? 1f) * Scale * (LayerScales?[i] ?? 1f))];
    }

    /// <summary>Checks what can be checked without a model.</summary>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="RequestException">A property is out of its range.</exception>
    internal void Validate(string name)
    {
        ArgumentNullException.ThrowIfNull(Net);
        ArgumentNullException.ThrowIfNull(Image);
        ImageRequest.CheckRange($"{name}.{nameof(Scale)}", Scale, 0, 2);
        ImageRequest.CheckRange($"{name}.{nameof(Start)}", Start, 0, 1);
        ImageRequest.CheckRange($"{name}.{nameof(End)}", End, 0, 1);
        if (Start >= End)
        {
            throw new RequestException(FormattableString.Invariant(
                $"{name}.{nameof(Start)} is {Start}, but must be less than {nameof(End)}, {End}"));
        }

        CheckName($"{name}.{nameof(Mode)}", Mode);
        CheckName($"{name}.{nameof(GuessRamp)}", GuessRamp);
        CheckName($"{name}.{nameof(Resize)}", Resize);
        for (int i = 0; i < (LayerScales?.Count ?? 0); i++)
        {
            ImageRequest.CheckRange(
                FormattableString.Invariant($"{name}.{nameof(LayerScales)}[{i}]"), LayerScales![i], 0, 2);
        }
    }

    /// <summary>Checks what depends on the net alone.</summary>
    /// <exception cref="RequestException">Hint or scales are not as many as the net takes.</exception>
    internal void CheckNet()
    {
        int channels = Net.Config.ConditioningChannels;
        if (Image.Channels != channels)
        {
            throw new RequestException(
                $"the ControlNet {Net.Name} reads hints of {channels} channel{(channels == 1 ? "" : "s")}, the hint " +
                $"has {Image.Channels}; give it one of {channels}");
        }

        if (LayerScales is { } scales && scales.Count != Net.ResidualCount)
        {
            throw new RequestException(
                $"{nameof(LayerScales)} has {scales.Count} values, but the ControlNet {Net.Name} takes " +
                $"{Net.ResidualCount}: one for each skip and one for the middle");
        }
    }

    private static void CheckName<TEnum>(string name, TEnum value)
        where TEnum : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            throw new RequestException($"{name} {value:D} is not one of its values");
        }
    }
}
