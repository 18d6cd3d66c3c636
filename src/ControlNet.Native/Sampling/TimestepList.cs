using System;
using System.Linq;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Picks timesteps of training for a number of steps, noisy end first. Source: Lin et al., 2023, arXiv:2305.08891,
/// table 2; the off-by-ones are those of the diffusers class that the sampler follows.
/// </summary>
internal static class TimestepList
{
    /// <summary>Whole timesteps as DDIM, PNDM and DDPM pick them.</summary>
    public static double[] Whole(SchedulerConfig config, int steps) =>
        config.Timesteps?.ToArray() ?? Build(steps, config.TimestepSpacing switch
        {
            TimestepSpacing.Linspace => i => Round(Fraction(i, steps) * (config.TrainTimesteps - 1)),
            TimestepSpacing.Leading => i => ((steps - 1 - i) * (config.TrainTimesteps / steps)) + config.StepsOffset,
            _ => Trailing(config, config.TrainTimesteps, steps),
        });

    /// <summary>Timesteps as Euler, Heun, LMS and DPM2 pick them: linspace gives fractional ones.</summary>
    public static double[] Fractional(SchedulerConfig config, int steps) =>
        config.Timesteps?.ToArray() ?? Build(steps, config.TimestepSpacing switch
        {
            TimestepSpacing.Linspace => i => Fraction(i, steps) * (config.TrainTimesteps - 1),
            TimestepSpacing.Leading => i => ((steps - 1 - i) * (config.TrainTimesteps / steps)) + config.StepsOffset,
            _ => Trailing(config, config.TrainTimesteps, steps),
        });

    /// <summary>
    /// Whole timesteps as DPM-Solver, UniPC and DEIS pick them: one more interval, whose clean end is left out.
    /// </summary>
    /// <param name="config">Spacing and offset.</param>
    /// <param name="steps">Steps.</param>
    /// <param name="noisiest">Timesteps that may be visited, at most T.</param>
    public static double[] Solver(SchedulerConfig config, int steps, int noisiest) =>
        config.Timesteps?.ToArray() ?? Build(steps, config.TimestepSpacing switch
        {
            TimestepSpacing.Linspace => i => Round(Fraction(i, steps + 1) * (noisiest - 1)),
            TimestepSpacing.Leading => i => ((steps - i) * (noisiest / (steps + 1))) + config.StepsOffset,
            _ => Trailing(config, noisiest, steps),
        });

    /// <summary>
    /// Every count-th of the timesteps a consistency model was distilled at. Source: arXiv:2310.04378, LCMScheduler.
    /// </summary>
    public static double[] Consistency(SchedulerConfig config, int steps)
    {
        if (config.Timesteps is { } given)
        {
            return [.. given];
        }

        int distilled = config.OriginalInferenceSteps;
        if (steps > distilled || distilled > config.TrainTimesteps)
        {
            throw new SamplingException(
                $"lcm takes at most original_inference_steps = {distilled} steps (of {config.TrainTimesteps} " +
                $"timesteps), got {steps}; take fewer steps");
        }

        int gap = config.TrainTimesteps / distilled;
        return Build(steps, i => ((distilled - (int)((double)distilled * i / steps)) * gap) - 1);
    }

    /// <summary>
    /// The part of the way left at step i when the first is all and the last none; a single step is none, as in NumPy.
    /// </summary>
    private static double Fraction(int i, int steps) => steps == 1 ? 0 : (double)(steps - 1 - i) / (steps - 1);

    private static Func<int, double> Trailing(SchedulerConfig config, int from, int steps) =>
        i => Math.Max(0, Round(from - (i * ((double)config.TrainTimesteps / steps))) - 1);

    private static double Round(double value) => Math.Round(value, MidpointRounding.ToEven);

    private static double[] Build(int steps, Func<int, double> timestep)
    {
        double[] timesteps = new double[steps];
        for (int i = 0; i < steps; i++)
        {
            timesteps[i] = timestep(i);
        }

        return timesteps;
    }
}
