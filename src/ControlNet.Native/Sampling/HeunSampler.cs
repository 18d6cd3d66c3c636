using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Heun's method on sigma: an Euler step, then the step again with the mean of the slopes at both its ends; the last
/// step is Euler's. Source: Karras et al., 2022, arXiv:2206.00364, algorithm 2 without churn; diffusers'
/// HeunDiscreteScheduler.
/// </summary>
internal sealed class HeunSampler(SchedulerConfig config, int steps)
    : SigmaSampler(config, steps, Twice(SigmaPlan.Fractional(config, steps)))
{
    public override int CallsPerStep => 2;

    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    /// <summary>
    /// Every level but the first is called at twice: at the end of a step and at the beginning of the next.
    /// </summary>
    private static SigmaPlan Twice(SigmaPlan plan) => plan with
    {
        Timesteps = [plan.Timesteps[0], .. plan.Timesteps[1..].SelectMany(t => new[] { t, t })],
        Sigmas = [plan.Sigmas[0], .. plan.Sigmas[1..^1].SelectMany(sigma => new[] { sigma, sigma }), plan.Sigmas[^1]],
    };

    private sealed class Run : SamplerRun
    {
        private readonly HeunSampler _sampler;
        private readonly History _slope, _start;

        public Run(HeunSampler sampler, int firstCall) : base(sampler, firstCall)
        {
            _sampler = sampler;
            (_slope, _start) = (Remember(1), Remember(1));
        }

        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            double here = _sampler.Sigmas[call];
            Tensor slope = Slope(here, output, sample);
            if (Taken % 2 == 0)
            {
                _slope.Push(slope);
                _start.Push(sample);
                return Ops.LinearCombination((1, sample), ((float)(_sampler.Sigmas[call + 1] - here), slope));
            }

            float half = (float)((here - _sampler.Sigmas[call - 1]) / 2);
            return Ops.LinearCombination((1, _start[0]), (half, _slope[0]), (half, slope));
        }

        private Tensor Slope(double sigma, Tensor output, Tensor sample)
        {
            SchedulerConfig config = _sampler.Config;
            if (!config.ClipSample)
            {
                return Prediction.NoiseUnscaled(config.Prediction, sigma).Of(sample, output);
            }

            Tensor clean = Prediction.CleanUnscaled(config.Prediction, sigma).Of(sample, output);
            Tensor clamped = Prediction.Clamp(clean, config.ClipSampleRange);
            return Ops.LinearCombination(((float)(1 / sigma), sample), ((float)(-1 / sigma), clamped));
        }
    }
}
