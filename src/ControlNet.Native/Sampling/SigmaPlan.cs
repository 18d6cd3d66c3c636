using System;
using System.Linq;

namespace ControlNet.Native.Sampling;

/// <summary>Timesteps of the calls and noise levels between them, one more than calls.</summary>
internal sealed record SigmaPlan(NoiseSchedule Schedule, double[] Timesteps, double[] Sigmas)
{
    /// <summary>The plan of Euler's kin: possibly fractional timesteps.</summary>
    public static SigmaPlan Fractional(SchedulerConfig config, int steps)
    {
        NoiseSchedule schedule = NoiseSchedule.From(config);
        double[] trained = schedule.Sigmas();
        if (config.Sigmas is { } given)
        {
            return new SigmaPlan(schedule, SigmaList.TimestepsOf(trained, [.. given.SkipLast(1)]), [.. given]);
        }

        double[] timesteps = TimestepList.Fractional(config, steps);
        double[] sigmas = SigmaList.At(trained, timesteps);
        if (config.SigmaSchedule != SigmaSchedule.Normal && config.Timesteps is null)
        {
            sigmas = SigmaList.Spaced(
                config.SigmaSchedule, config.SigmaMax ?? sigmas[0], config.SigmaMin ?? sigmas[^1], steps);
            timesteps = SigmaList.TimestepsOf(trained, sigmas);
        }

        // Of this family only Euler knows a final level other than none.
        double final = config is { Kind: SamplerKind.Euler, FinalSigma: FinalSigma.SigmaMin } ? trained[0] : 0;
        return new SigmaPlan(schedule, timesteps, [.. sigmas, final]);
    }

    /// <summary>The plan of DPM-Solver's kin: whole timesteps.</summary>
    public static SigmaPlan Whole(SchedulerConfig config, int steps)
    {
        NoiseSchedule schedule = NoiseSchedule.From(config);
        double[] trained = schedule.Sigmas();
        if (config.Sigmas is { } given)
        {
            return new SigmaPlan(schedule, Rounded(trained, [.. given.SkipLast(1)]), [.. given]);
        }

        int visited = config.Kind == SamplerKind.UniPc
            ? trained.Length
            : trained.Count(sigma => -Math.Log(sigma) >= config.LambdaMinClipped);
        double[] timesteps = TimestepList.Solver(config, steps, visited);
        double[] sigmas = SigmaList.At(trained, timesteps);
        if (config.SigmaSchedule != SigmaSchedule.Normal && config.Timesteps is null)
        {
            sigmas = SigmaList.Spaced(
                config.SigmaSchedule, config.SigmaMax ?? trained[^1], config.SigmaMin ?? trained[0], steps);
            timesteps = Rounded(trained, sigmas);
        }

        bool endsAboveZero = config.FinalSigma == FinalSigma.SigmaMin || config.Kind == SamplerKind.Deis;
        return new SigmaPlan(schedule, timesteps, [.. sigmas, endsAboveZero ? trained[0] : 0]);
    }

    private static double[] Rounded(double[] trained, double[] sigmas) => Array.ConvertAll(
        SigmaList.TimestepsOf(trained, sigmas), t => Math.Round(t, MidpointRounding.ToEven));
}
