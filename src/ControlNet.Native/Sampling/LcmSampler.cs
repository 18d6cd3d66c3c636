using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Multistep consistency sampling: the model's clean sample, noised again to the next level. Source: Luo et al., 2023,
/// arXiv:2310.04378, algorithm 3; diffusers' LCMScheduler.
/// </summary>
internal sealed class LcmSampler(SchedulerConfig config, int steps)
    : Sampler(config, steps, NoiseSchedule.From(config), TimestepList.Consistency(config, steps), [], 1)
{
    /// <summary>Deviation of the data, of the boundary condition.</summary>
    private const double SigmaData = 0.5;

    /// <summary>The last step ends at the clean sample.</summary>
    public override bool DrawsNoise(int callIndex) => callIndex < CallCount - 1;

    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    private sealed class Run(LcmSampler sampler, int firstCall) : SamplerRun(sampler, firstCall)
    {
        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            SchedulerConfig config = sampler.Config;
            double here = sampler.AlphaCumprod(sampler.Timesteps[call]);
            double scaled = sampler.Timesteps[call] * config.TimestepScaling;
            double distance = (scaled * scaled) + (SigmaData * SigmaData);
            double skip = SigmaData * SigmaData / distance, through = scaled / Math.Sqrt(distance);

            LinearForm clean = Prediction.Clean(config.Prediction, Math.Sqrt(here), Math.Sqrt(1 - here));
            Tensor denoised = config.ClipSample
                ? Ops.LinearCombination(
                    ((float)through, Prediction.Clamp(clean.Of(sample, output), config.ClipSampleRange)),
                    ((float)skip, sample))
                : ((through * clean) + new LinearForm(skip, 0)).Of(sample, output);
            if (!sampler.DrawsNoise(call))
            {
                return denoised;
            }

            double there = sampler.AlphaCumprod(sampler.Timesteps[call + 1]);
            return Ops.LinearCombination(((float)Math.Sqrt(there), denoised), ((float)Math.Sqrt(1 - there), noise()));
        }
    }
}
