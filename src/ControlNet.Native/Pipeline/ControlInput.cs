using System;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;

namespace ControlNet.Native;

/// <summary>A control image, the ControlNet that reads it, and how and when it acts.</summary>
public sealed record ControlInput
{
    /// <summary>The net; it must be made for the base model it is used with. Several inputs may share one.</summary>
    public required ControlNetModel Net { get; init; }

    /// <summary>
    /// The hint, an edge map, depth map, pose, … as the net was trained on. Any size: it is stretched to the size of
    /// the result. Read as RGB in [0, 1]; a net that was trained on BGR says so in its configuration and is fed BGR.
    /// </summary>
    public required RgbImage Image { get; init; }

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

    /// <summary>Whether only the conditional half of guidance is controlled.</summary>
    internal bool ActsOnConditionOnly =>
        Mode is ControlMode.Control or ControlMode.Guess || Net.Config.GlobalPoolConditions;

    /// <summary>Whether the net is to be computed for a call of the sampler.</summary>
    /// <param name="call">The call, from 0.</param>
    /// <param name="callCount">Calls in all.</param>
    internal bool ActsAt(int call, int callCount) =>
        Scale > 0 && call / (double)callCount >= Start && (call + 1) / (double)callCount <= End;

    /// <summary>The residuals with their scales; the given ones are freed unless they are the result.</summary>
    internal ControlResiduals Scaled(ControlResiduals residuals)
    {
        float[]? ramp = Mode switch
        {
            ControlMode.Prompt or ControlMode.Control => ControlResiduals.SoftRamp(residuals.Count),
            ControlMode.Guess when !Net.Config.GlobalPoolConditions => ControlResiduals.GuessRamp(residuals.Count),
            _ => null,
        };
        if (ramp is null && Scale == 1f)
        {
            return residuals;
        }

        using (residuals)
        {
            return ramp is null
                ? residuals.Scaled(Scale)
                : residuals.Scaled(Array.ConvertAll(ramp, factor => factor * Scale));
        }
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

        if (!Enum.IsDefined(Mode))
        {
            throw new RequestException(FormattableString.Invariant(
                $"{name}.{nameof(Mode)} {(int)Mode} is not one of its values"));
        }
    }
}
