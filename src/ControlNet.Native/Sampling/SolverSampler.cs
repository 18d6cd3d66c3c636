using System;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Base of the samplers that integrate over lambda = log(alpha / sigma), with <c>x = alpha x0 + sigma eps</c> and noise
/// levels kept as <c>sigma / alpha</c>: DPM-Solver, UniPC and DEIS. Source: Lu et al., 2022, arXiv:2206.00927.
/// </summary>
internal abstract class SolverSampler(SchedulerConfig config, int steps, SigmaPlan plan)
    : Sampler(config, steps, plan.Schedule, plan.Timesteps, plan.Sigmas, 1)
{
    /// <summary>Steps below which the order of the last ones is lowered.</summary>
    private const int FewSteps = 15;

    /// <summary>lambda of the level at an index; plus infinity where there is no noise.</summary>
    internal double Lambda(int index) => -Math.Log(Sigmas[index]);

    /// <summary>The clean sample or the noise at a call, as a form of its sample and model output.</summary>
    internal LinearForm Integrand(int call, bool clean)
    {
        double alpha = Prediction.Alpha(Sigmas[call]);
        double sigma = Sigmas[call] * alpha;
        return clean
            ? Prediction.Clean(Config.Prediction, alpha, sigma)
            : Prediction.Noise(Config.Prediction, alpha, sigma);
    }

    /// <summary>The order of a step, as DPM-Solver and DEIS lower it at the start and the end.</summary>
    /// <param name="call">The call.</param>
    /// <param name="known">Model outputs known, the present one included.</param>
    internal int OrderAt(int call, int known)
    {
        int left = CallCount - 1 - call;
        bool lower = Config.LowerOrderFinal && CallCount < FewSteps;
        int allowed = left == 0 && (lower || Config.EulerAtFinal || Sigmas[^1] == 0) ? 1
            : left == 1 && lower ? 2
            : Config.SolverOrder;
        return Math.Min(allowed, known);
    }

    private protected override (double Signal, double Deviation) NoiseMix(int call)
    {
        double alpha = Prediction.Alpha(Sigmas[call]);
        return (alpha, Sigmas[call] * alpha);
    }
}
