using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Euler's method on sigma. Source: Karras et al., 2022, arXiv:2206.00364, algorithm 2 without churn and correction;
/// diffusers' EulerDiscreteScheduler.
/// </summary>
internal sealed class EulerSampler(SchedulerConfig config, int steps)
    : SigmaSampler(config, steps, SigmaPlan.Fractional(config, steps))
{
    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    private sealed class Run(EulerSampler sampler, int firstCall) : SamplerRun(sampler, firstCall)
    {
        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            (double here, double there) = (sampler.Sigmas[call], sampler.Sigmas[call + 1]);
            LinearForm slope = Prediction.NoiseUnscaled(sampler.Config.Prediction, here);
            return (new LinearForm(1, 0) + ((there - here) * slope)).Of(sample, output);
        }
    }
}
