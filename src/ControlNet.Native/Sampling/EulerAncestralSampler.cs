using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Euler steps that go below the next noise level and add noise back up to it, in the proportion of DDPM's posterior
/// (eta 1). Source: k-diffusion's <c>sample_euler_ancestral</c>; diffusers' EulerAncestralDiscreteScheduler.
/// </summary>
internal sealed class EulerAncestralSampler(SchedulerConfig config, int steps)
    : SigmaSampler(config, steps, SigmaPlan.Fractional(config, steps))
{
    /// <summary>
    /// Noise is drawn at the last call too, where its deviation is 0: the stream stays the reference's.
    /// </summary>
    public override bool DrawsNoise(int callIndex) => true;

    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    /// <summary>
    /// Splits a noise level into what a step leaves and what is added afresh, given the level before the step.
    /// </summary>
    internal static (double Down, double Up) Split(double from, double to)
    {
        double up = Math.Sqrt(to * to * ((from * from) - (to * to)) / (from * from));
        return (Math.Sqrt((to * to) - (up * up)), up);
    }

    private sealed class Run(EulerAncestralSampler sampler, int firstCall) : SamplerRun(sampler, firstCall)
    {
        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            double here = sampler.Sigmas[call];
            (double down, double up) = Split(here, sampler.Sigmas[call + 1]);
            LinearForm slope = Prediction.NoiseUnscaled(sampler.Config.Prediction, here);
            return (new LinearForm(1, 0) + ((down - here) * slope)).Of(sample, output, up, noise());
        }
    }
}
