using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// DPM-Solver-2 in sigma: each step is taken with the slope at the geometric mean of its ends, which a first call
/// leads to; the last step is Euler's. The ancestral form steps below the next level and adds noise. Source:
/// k-diffusion's <c>sample_dpm_2</c> and <c>sample_dpm_2_ancestral</c> (Karras et al., 2022, arXiv:2206.00364,
/// algorithm 2, and Lu et al., 2022, arXiv:2206.00927); diffusers' KDPM2DiscreteScheduler and
/// KDPM2AncestralDiscreteScheduler.
/// </summary>
internal sealed class Dpm2Sampler : SigmaSampler
{
    private readonly Leg[] _legs;
    private readonly bool _ancestral;

    public Dpm2Sampler(SchedulerConfig config, int steps)
        : this(config, steps, SigmaPlan.Fractional(config, steps))
    {
    }

    private Dpm2Sampler(SchedulerConfig config, int steps, SigmaPlan plan)
        : base(config, steps, Interleave(plan, Legs(config, plan.Sigmas)))
    {
        _legs = Legs(config, plan.Sigmas);
        _ancestral = config.Kind == SamplerKind.Dpm2Ancestral;
    }

    public override int CallsPerStep => 2;

    public override bool DrawsNoise(int callIndex) => _ancestral && callIndex % 2 == 1;

    private protected override double InputSigma(int call) =>
        call % 2 == 0 ? _legs[call / 2].From : _legs[call / 2].Middle;

    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    private static Leg[] Legs(SchedulerConfig config, double[] sigmas)
    {
        Leg[] legs = new Leg[sigmas.Length - 1];
        for (int i = 0; i < legs.Length; i++)
        {
            (double down, double up) = config.Kind == SamplerKind.Dpm2Ancestral
                ? EulerAncestralSampler.Split(sigmas[i], sigmas[i + 1])
                : (sigmas[i + 1], 0);
            legs[i] = new Leg(sigmas[i], Math.Sqrt(sigmas[i] * down), down, up);
        }

        return legs;
    }

    /// <summary>
    /// Adds the calls at the middles, and lists the levels as the reference does: all but the first twice, and a 0
    /// more.
    /// </summary>
    private static SigmaPlan Interleave(SigmaPlan plan, Leg[] legs)
    {
        double[] trained = plan.Schedule.Sigmas();
        List<double> timesteps = [plan.Timesteps[0]], sigmas = [plan.Sigmas[0]];
        for (int i = 1; i < plan.Timesteps.Length; i++)
        {
            timesteps.AddRange([SigmaList.TimestepOf(trained, legs[i - 1].Middle), plan.Timesteps[i]]);
            sigmas.AddRange([plan.Sigmas[i], plan.Sigmas[i]]);
        }

        return plan with { Timesteps = [.. timesteps], Sigmas = [.. sigmas, 0, 0, 0] };
    }

    /// <summary>
    /// One step: noise levels at its start, where its slope is taken and at its end, and the noise added then.
    /// </summary>
    private readonly record struct Leg(double From, double Middle, double Down, double Up);

    private sealed class Run : SamplerRun
    {
        private readonly Dpm2Sampler _sampler;
        private readonly History _start;

        public Run(Dpm2Sampler sampler, int firstCall) : base(sampler, firstCall)
        {
            _sampler = sampler;
            _start = Remember(1);
        }

        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            Leg leg = _sampler._legs[call / 2];
            PredictionType prediction = _sampler.Config.Prediction;
            if (Taken % 2 == 0)
            {
                _start.Push(sample);
                LinearForm slope = Prediction.NoiseUnscaled(prediction, leg.From);
                return (new LinearForm(1, 0) + ((leg.Middle - leg.From) * slope)).Of(sample, output);
            }

            LinearForm step = (leg.Down - leg.From) * Prediction.NoiseUnscaled(prediction, leg.Middle);
            Tensor next = Ops.LinearCombination(
                (1, _start[0]), ((float)step.Sample, sample), ((float)step.Output, output));
            return _sampler._ancestral
                ? Ops.LinearCombination((1, next), ((float)leg.Up, noise()))
                : next;
        }
    }
}
