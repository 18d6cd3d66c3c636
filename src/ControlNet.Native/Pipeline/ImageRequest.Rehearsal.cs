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
    /// <see cref="NoiseSource"/>. The windows of <see cref="Controls"/> are as they were, and may be missed.
    /// </summary>
    public ImageRequest ForRehearsal() => this with
    {
        Steps = Math.Min(StepsTakenOf(StepCount), RehearsedSteps),
        Timesteps = null,
        Sigmas = null,
        Strength = InitialImage is null ? null : 1,
        HiresPass = HiresPass is { } pass
            ? pass with { Steps = Math.Min(pass.StepsTaken(Steps), RehearsedSteps), Strength = 1 }
            : null,
        NoiseSource = null,
    };
}
