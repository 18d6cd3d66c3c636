using System.Collections.Generic;
using ControlNet.Native.Sampling;

namespace ControlNet.Native;

/// <content>Lists of steps, and what keeps strong guidance from overexposing.</content>
public sealed partial record ImageRequest
{
    /// <summary>
    /// Timesteps of training to visit, strictly descending, in place of <see cref="Steps"/> and the spacing of the
    /// scheduler: 0 to 999, whole but for Euler, Heun, LMS and DPM2. Every sampler takes them but PNDM. At most 1000.
    /// </summary>
    public IReadOnlyList<double>? Timesteps { get; init; }

    /// <summary>
    /// Noise levels to visit, strictly descending, in place of the same; the last is the level after the last step, 0
    /// for an image without noise. DDIM, PNDM, DDPM and LCM take none. At most 1001.
    /// </summary>
    public IReadOnlyList<double>? Sigmas { get; init; }

    /// <summary>
    /// How much of the contrast that guidance adds is taken away, 0 (none) to 1: the guided estimate is scaled towards
    /// the standard deviation of the conditional one. About 0.7 for models trained to end in noise. Source: Lin et al.,
    /// 2023, arXiv:2305.08891, equations 15 and 16.
    /// </summary>
    public float GuidanceRescale { get; init; }

    /// <summary>The steps of the lists, or <see cref="Steps"/>.</summary>
    internal int StepCount => Timesteps?.Count ?? Sigmas?.Count - 1 ?? Steps;

    /// <summary>Lays the lists over a configuration, whose spacing they replace.</summary>
    internal SchedulerConfig WithLists(SchedulerConfig config) => Timesteps is null && Sigmas is null
        ? config
        : config with { Timesteps = Timesteps, Sigmas = Sigmas };

    private void ValidateSampling()
    {
        CheckRange(nameof(GuidanceRescale), GuidanceRescale, 0, 1);
        if (Timesteps is null && Sigmas is null)
        {
            return;
        }

        if (Timesteps is not null && Sigmas is not null)
        {
            throw new RequestException("Timesteps and Sigmas are two ways of saying the same; give one of them");
        }

        string list = Timesteps is not null ? nameof(Timesteps) : nameof(Sigmas);
        if (SigmaSchedule is not null)
        {
            throw new RequestException($"{list} replaces SigmaSchedule; give one or the other");
        }

        if (Scheduler is { } scheduler && (scheduler.Timesteps ?? scheduler.Sigmas) is not null)
        {
            throw new RequestException($"{list} and Scheduler both list the steps; give one or the other");
        }

        if (StepCount is < 1 or > 1000)
        {
            throw new RequestException($"{list} makes {StepCount} steps, but must make from 1 to 1000");
        }
    }
}
