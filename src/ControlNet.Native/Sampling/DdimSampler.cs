using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>DDIM. Source: Song et al., 2020, arXiv:2010.02502, eq. 12 and 16; diffusers' DDIMScheduler.</summary>
internal sealed class DdimSampler(SchedulerConfig config, int steps)
    : Sampler(config, steps, NoiseSchedule.From(config), TimestepList.Whole(config, steps), [], 1)
{
    public override bool DrawsNoise(int callIndex) => Config.Eta > 0;

    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    private sealed class Run(DdimSampler sampler, int firstCall) : SamplerRun(sampler, firstCall)
    {
        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            SchedulerConfig config = sampler.Config;
            double timestep = sampler.Timesteps[call];

            // diffusers steps back by the whole part of T / steps whatever the spacing is; so does this, for equal
            // images, but where the steps are listed.
            double here = sampler.AlphaCumprod(timestep);
            double there = sampler.AlphaCumprod(CustomSteps.Next(sampler, call));
            double variance = (1 - there) / (1 - here) * (1 - (here / there));
            double deviation = config.Eta * Math.Sqrt(Math.Max(0, variance));
            double direction = Math.Sqrt(Math.Max(0, 1 - there - (deviation * deviation)));

            LinearForm clean = Prediction.Clean(config.Prediction, Math.Sqrt(here), Math.Sqrt(1 - here));
            LinearForm residual = direction * Prediction.Noise(config.Prediction, Math.Sqrt(here), Math.Sqrt(1 - here));
            Tensor next = config.ClipSample
                ? Clipped(clean, residual, Math.Sqrt(there), output, sample)
                : ((Math.Sqrt(there) * clean) + residual).Of(sample, output);
            return config.Eta > 0 ? Ops.LinearCombination((1, next), ((float)deviation, noise())) : next;
        }

        /// <summary>
        /// The noise estimate is that of the clean sample before it was clamped, as in the reference.
        /// </summary>
        private Tensor Clipped(LinearForm clean, LinearForm residual, double signal, Tensor output, Tensor sample)
        {
            Tensor clamped = Prediction.Clamp(clean.Of(sample, output), sampler.Config.ClipSampleRange);
            return Ops.LinearCombination(
                ((float)signal, clamped), ((float)residual.Sample, sample), ((float)residual.Output, output));
        }
    }
}
