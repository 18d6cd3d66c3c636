using System;
using System.Linq;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Base of the samplers that keep the sample as <c>x0 + sigma eps</c> and scale it for the model: Euler and its kin.
/// Source: Karras et al., 2022, arXiv:2206.00364, table 1, column VE.
/// </summary>
internal abstract class SigmaSampler : Sampler
{
    private protected SigmaSampler(SchedulerConfig config, int steps, SigmaPlan plan)
        : base(config, steps, plan.Schedule, plan.Timesteps, plan.Sigmas, InitialScale(config, plan.Sigmas.Max()))
    {
    }

    /// <summary>The noise level the sample of a call has.</summary>
    private protected virtual double InputSigma(int call) => Sigmas[call];

    private protected override double InputScale(int call) => Prediction.Alpha(InputSigma(call));

    private protected override (double Signal, double Deviation) NoiseMix(int call) => (1, Sigmas[call]);

    private protected override LinearForm CleanForm(int call) =>
        Prediction.CleanUnscaled(Config.Prediction, InputSigma(call));

    // Leading spacing does not begin at the noisiest timestep: its first sample has unit variance beside the noise.
    private static double InitialScale(SchedulerConfig config, double largest) =>
        config.TimestepSpacing == TimestepSpacing.Leading ? Math.Sqrt((largest * largest) + 1) : largest;
}
