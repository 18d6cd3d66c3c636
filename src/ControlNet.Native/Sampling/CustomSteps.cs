using System;
using System.Collections.Generic;
using System.Globalization;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Lists of timesteps or noise levels that the caller gives in place of a spacing. Source: diffusers'
/// <c>set_timesteps(timesteps=…)</c> and <c>set_timesteps(sigmas=…)</c>, here for every sampler whose formula does
/// not need equal gaps.
/// </summary>
internal static class CustomSteps
{
    /// <summary>The steps a configuration's lists ask for; null where it has none.</summary>
    public static int? CountOf(SchedulerConfig config) => config.Timesteps?.Count ?? config.Sigmas?.Count - 1;

    /// <summary>Refuses lists that are no way from noise to a sample, or none this sampler can go.</summary>
    /// <exception cref="SamplingException">The message names the list, the place and the cure.</exception>
    public static void Check(SchedulerConfig config, int steps)
    {
        if (CountOf(config) is not { } count)
        {
            return;
        }

        string sampler = SamplerNames.Of(config.Kind);
        if (config.Timesteps is not null && config.Sigmas is not null)
        {
            throw new SamplingException("Timesteps and Sigmas are two ways of saying the same; give one of them");
        }

        if (config.Kind == SamplerKind.Pndm)
        {
            throw new SamplingException(
                "pndm needs timesteps at equal gaps and takes neither Timesteps nor Sigmas; take another sampler");
        }

        if (config.Sigmas is { } sigmas)
        {
            CheckSigmas(config, sampler, sigmas);
        }
        else
        {
            CheckTimesteps(config, sampler, config.Timesteps!);
        }

        if (steps != count)
        {
            throw new SamplingException($"steps is {steps}, but the list of the configuration makes {count}");
        }
    }

    /// <summary>The timestep after a call of a sampler on alphas; below 0 at the end of the process.</summary>
    /// <param name="sampler">Its configuration tells whether gaps are equal.</param>
    /// <param name="call">The call.</param>
    public static double Next(Sampler sampler, int call) =>
        sampler.Config.Timesteps is null
            ? sampler.Timesteps[call] - (sampler.Config.TrainTimesteps / sampler.Steps)
            : call + 1 < sampler.CallCount ? sampler.Timesteps[call + 1] : -1;

    private static void CheckTimesteps(SchedulerConfig config, string sampler, IReadOnlyList<double> timesteps)
    {
        if (timesteps.Count == 0)
        {
            throw new SamplingException("Timesteps is empty; give at least one");
        }

        bool whole = SchedulerConfig.WorksOnAlphas(config.Kind) || IsSolver(config.Kind);
        for (int i = 0; i < timesteps.Count; i++)
        {
            // The comparison is written so that NaN fails it.
            if (!(timesteps[i] >= 0 && timesteps[i] <= config.TrainTimesteps - 1))
            {
                throw new SamplingException(
                    $"Timesteps[{i}] is {Show(timesteps[i])}, but must be from 0 to {config.TrainTimesteps - 1}");
            }

            if (whole && timesteps[i] != Math.Floor(timesteps[i]))
            {
                throw new SamplingException(
                    $"Timesteps[{i}] is {Show(timesteps[i])}, but {sampler} takes whole ones; round it");
            }
        }

        CheckDescending("Timesteps", timesteps);
    }

    private static void CheckSigmas(SchedulerConfig config, string sampler, IReadOnlyList<double> sigmas)
    {
        if (SchedulerConfig.WorksOnAlphas(config.Kind))
        {
            throw new SamplingException(
                $"{sampler} works on timesteps and takes no Sigmas; give Timesteps or take another sampler");
        }

        if (sigmas.Count < 2)
        {
            throw new SamplingException(
                $"Sigmas has {sigmas.Count} levels; give at least two, of which the last is the level after the " +
                "last step, usually 0");
        }

        for (int i = 0; i < sigmas.Count; i++)
        {
            if (!(sigmas[i] >= 0 && sigmas[i] <= float.MaxValue))
            {
                throw new SamplingException(
                    $"Sigmas[{i}] is {Show(sigmas[i])}, but must be a finite number of at least 0");
            }
        }

        CheckDescending("Sigmas", sigmas);

        // The last step of DPM-Solver-2 is Euler's, over one call, and its middle must be its end.
        if (config.Kind is SamplerKind.Dpm2 or SamplerKind.Dpm2Ancestral && sigmas[^1] != 0)
        {
            throw new SamplingException(
                $"Sigmas ends with {Show(sigmas[^1])}, but {sampler} must end with 0; add a 0");
        }
    }

    private static void CheckDescending(string name, IReadOnlyList<double> values)
    {
        for (int i = 1; i < values.Count; i++)
        {
            if (!(values[i] < values[i - 1]))
            {
                throw new SamplingException(
                    $"{name}[{i}] is {Show(values[i])} after {Show(values[i - 1])}, but each must be less than the " +
                    "one before");
            }
        }
    }

    private static bool IsSolver(SamplerKind kind) => kind is SamplerKind.DpmPlusPlus2M
        or SamplerKind.DpmPlusPlus2MSde or SamplerKind.DpmPlusPlus2S or SamplerKind.UniPc or SamplerKind.Deis;

    private static string Show(double value) => value.ToString(CultureInfo.InvariantCulture);
}
