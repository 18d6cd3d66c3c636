using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Ancestral sampling of the posterior, possibly over fewer steps than training had. Source: Ho et al., 2020,
/// arXiv:2006.11239, eq. 6 and 7; diffusers' DDPMScheduler.
/// </summary>
internal sealed class DdpmSampler(SchedulerConfig config, int steps)
    : Sampler(config, steps, NoiseSchedule.From(config), TimestepList.Whole(config, steps), [], 1)
{
    private const double SmallestVariance = 1e-20;

    /// <summary>A step from timestep 0 ends at the clean sample.</summary>
    public override bool DrawsNoise(int callIndex) => Timesteps[callIndex] > 0;

    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    private sealed class Run(DdpmSampler sampler, int firstCall) : SamplerRun(sampler, firstCall)
    {
        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            SchedulerConfig config = sampler.Config;
            double timestep = sampler.Timesteps[call];
            double previous = CustomSteps.Next(sampler, call);
            double here = sampler.AlphaCumprod(timestep);
            double there = previous >= 0 ? sampler.AlphaCumprod(previous) : 1;
            double kept = here / there;
            double cleanFactor = Math.Sqrt(there) * (1 - kept) / (1 - here);
            LinearForm rest = new(Math.Sqrt(kept) * (1 - there) / (1 - here), 0);

            LinearForm clean = Prediction.Clean(config.Prediction, Math.Sqrt(here), Math.Sqrt(1 - here));
            Tensor mean = config.ClipSample
                ? Ops.LinearCombination(
                    ((float)cleanFactor, Prediction.Clamp(clean.Of(sample, output), config.ClipSampleRange)),
                    ((float)rest.Sample, sample))
                : ((cleanFactor * clean) + rest).Of(sample, output);
            if (!sampler.DrawsNoise(call))
            {
                return mean;
            }

            double variance = config.Variance == VarianceType.FixedLarge
                ? 1 - kept
                : Math.Max(SmallestVariance, (1 - there) / (1 - here) * (1 - kept));
            return Ops.LinearCombination((1, mean), ((float)Math.Sqrt(variance), noise()));
        }
    }
}
