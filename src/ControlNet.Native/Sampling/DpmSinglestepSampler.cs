using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// DPM-Solver and DPM-Solver++ single-step: groups of one to three calls, each group a step of that order from where it
/// began. Source: Lu et al., 2022, arXiv:2211.01095, algorithm 1; diffusers' DPMSolverSinglestepScheduler.
/// </summary>
internal sealed class DpmSinglestepSampler : SolverSampler
{
    private readonly int[] _orders;
    private readonly bool _integratesClean;
    private readonly bool _draws;

    public DpmSinglestepSampler(SchedulerConfig config, int steps)
        : base(config, steps, SigmaPlan.Whole(config with { TimestepSpacing = TimestepSpacing.Linspace }, steps))
    {
        _orders = Orders(config, steps, Sigmas[^1] == 0);
        _draws = config.Algorithm is DpmAlgorithm.SdeDpmSolver or DpmAlgorithm.SdeDpmSolverPlusPlus;
        _integratesClean = config.Algorithm is DpmAlgorithm.DpmSolverPlusPlus or DpmAlgorithm.SdeDpmSolverPlusPlus;
        if ((!_integratesClean && Sigmas[^1] == 0) || (_draws && (config.SolverOrder > 2 || !_integratesClean)))
        {
            throw new SamplingException(
                "dpmpp_2s computes 'dpmsolver++', 'sde-dpmsolver++' up to order 2 and, ending at 'sigma_min', " +
                "'dpmsolver'; set algorithm_type to 'dpmsolver++'");
        }
    }

    public override bool DrawsNoise(int callIndex) => _draws;

    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    /// <summary>The order of each call: 1, 2, 3 inside a group; the last group may be cut short or broken up.</summary>
    private static int[] Orders(SchedulerConfig config, int steps, bool endsWithoutNoise)
    {
        int order = config.SolverOrder;
        int[] orders = new int[steps];
        for (int call = 0; call < steps; call++)
        {
            orders[call] = (call % order) + 1;
        }

        // Only order 1 can end without noise; a full last group otherwise becomes one of a lower order and a single
        // call.
        if (endsWithoutNoise || (config.LowerOrderFinal && steps % order == 0))
        {
            orders[^1] = 1;
        }

        return orders;
    }

    private sealed class Run : SamplerRun
    {
        private readonly DpmSinglestepSampler _sampler;
        private readonly History _values, _start;

        public Run(DpmSinglestepSampler sampler, int firstCall) : base(sampler, firstCall)
        {
            _sampler = sampler;
            (_values, _start) = (Remember(sampler.Config.SolverOrder), Remember(1));
        }

        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            _values.Push(_sampler.Integrand(call, _sampler._integratesClean).Of(sample, output));

            // A run that begins inside a group starts one of its own.
            int order = Math.Min(_sampler._orders[call], _values.Count);
            if (order == 1)
            {
                _start.Push(sample);
            }

            ExponentialIntegral step = ExponentialIntegral.Over(
                _sampler.Config.Algorithm, _sampler.Sigmas[call - order + 1], _sampler.Sigmas[call + 1]);
            Tensor next = order switch
            {
                1 => Ops.LinearCombination(((float)step.Sample, sample), ((float)step.D0, _values[0])),
                2 => Second(call, step),
                _ => Third(call, step),
            };
            return _sampler._draws ? Ops.LinearCombination((1, next), ((float)step.Noise, noise())) : next;
        }

        private Tensor Second(int call, in ExponentialIntegral step)
        {
            double start = _sampler.Lambda(call - 1);
            double ratio = (_sampler.Lambda(call) - start) / (_sampler.Lambda(call + 1) - start);
            double slope = (_sampler.Config.SolverType == SolverType.Heun ? step.D1 : step.Midpoint) / ratio;
            return Ops.LinearCombination(
                ((float)step.Sample, _start[0]), ((float)slope, _values[0]), ((float)(step.D0 - slope), _values[1]));
        }

        private Tensor Third(int call, in ExponentialIntegral step)
        {
            double start = _sampler.Lambda(call - 2);
            double h = _sampler.Lambda(call + 1) - start;
            double r0 = (_sampler.Lambda(call) - start) / h, r1 = (_sampler.Lambda(call - 1) - start) / h;

            // With slopes late = (m0 - m2) / r0 and early = (m1 - m2) / r1: under Heun's rule
            // D1 = (r0 early - r1 late) / (r0 - r1) and D2 = 2 (late - early) / (r0 - r1), else D1 = late and no D2.
            (double late, double early) = _sampler.Config.SolverType == SolverType.Heun
                ? (((2 * step.D2) - (r1 * step.D1)) / (r0 - r1), ((r0 * step.D1) - (2 * step.D2)) / (r0 - r1))
                : (step.D1, 0);
            return Ops.LinearCombination(
                ((float)step.Sample, _start[0]),
                ((float)(late / r0), _values[0]),
                ((float)(early / r1), _values[1]),
                ((float)(step.D0 - (late / r0) - (early / r1)), _values[2]));
        }
    }
}
