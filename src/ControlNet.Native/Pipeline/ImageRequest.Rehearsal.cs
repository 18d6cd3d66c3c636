using System;

namespace ControlNet.Native;

/// <content>Finding out what a request takes.</content>
public sealed partial record ImageRequest
{
    /// <summary>
    /// Calls of the UNet after which memory has seen everything it will see, recorded work included.
    /// </summary>
    private const int RehearsedSteps = 4;

    /// <summary>
    /// A request that takes the memory of this one and less time, for a device that only plans; draws no number from
    /// <see cref="NoiseSource"/>. A prompt that changes is rehearsed in all its steps. The windows of
    /// <see cref="Controls"/> are as they were, and may be missed.
    /// </summary>
    public ImageRequest ForRehearsal() => this with
    {
        Steps = Few(StepsTakenOf(StepCount)),
        Timesteps = null,
        Sigmas = null,
        Strength = InitialImage is null ? null : 1,
        HiresPass = HiresPass is { } pass
            ? pass with { Steps = Few(pass.StepsTaken(Steps)), Strength = 1 }
            : null,
        NoiseSource = null,
    };

    private int Few(int steps) => MayChangePrompts ? steps : Math.Min(steps, RehearsedSteps);
}
