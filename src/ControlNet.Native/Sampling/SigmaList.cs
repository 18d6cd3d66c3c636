using System;

namespace ControlNet.Native.Sampling;

/// <summary>Lists of noise levels sigma, noisy end first, and their way back to timesteps.</summary>
internal static class SigmaList
{
    private const double KarrasRho = 7;

    /// <summary>The levels at <paramref name="timesteps"/>, linear between those of training.</summary>
    public static double[] At(double[] trained, double[] timesteps)
    {
        double[] sigmas = new double[timesteps.Length];
        for (int i = 0; i < sigmas.Length; i++)
        {
            double clamped = Math.Clamp(timesteps[i], 0, trained.Length - 1);
            int below = Math.Min((int)clamped, trained.Length - 2);
            sigmas[i] = trained[below] + ((clamped - below) * (trained[below + 1] - trained[below]));
        }

        return sigmas;
    }

    /// <summary>Levels spaced between the two ends by a schedule other than Normal.</summary>
    public static double[] Spaced(SigmaSchedule schedule, double largest, double smallest, int steps)
    {
        double[] sigmas = new double[steps];
        for (int i = 0; i < steps; i++)
        {
            double way = steps == 1 ? 0 : (double)i / (steps - 1);
            sigmas[i] = schedule == SigmaSchedule.Karras
                ? Math.Pow(Between(Math.Pow(largest, 1 / KarrasRho), Math.Pow(smallest, 1 / KarrasRho), way), KarrasRho)
                : Math.Exp(Between(Math.Log(largest), Math.Log(smallest), way));
        }

        return sigmas;
    }

    /// <summary>The fractional timestep of a level: linear in log sigma between those of training.</summary>
    public static double TimestepOf(double[] trained, double sigma)
    {
        double log = Math.Log(Math.Max(sigma, 1e-10));
        int below = 0;
        while (below < trained.Length - 2 && Math.Log(trained[below + 1]) <= log)
        {
            below++;
        }

        (double low, double high) = (Math.Log(trained[below]), Math.Log(trained[below + 1]));
        return below + Math.Clamp((log - low) / (high - low), 0, 1);
    }

    /// <summary><see cref="TimestepOf"/> for each level.</summary>
    public static double[] TimestepsOf(double[] trained, double[] sigmas) =>
        Array.ConvertAll(sigmas, sigma => TimestepOf(trained, sigma));

    private static double Between(double from, double to, double way) => from + (way * (to - from));
}
