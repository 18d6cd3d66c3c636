using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// DPM-Solver and DPM-Solver++ multistep of order 1 to 3, deterministic or stochastic. Source: Lu et al., 2022,
/// arXiv:2211.01095, algorithm 2; diffusers' DPMSolverMultistepScheduler.
/// </summary>
internal sealed class DpmSolverSampler : SolverSampler
{
    private readonly bool _integratesClean;
    private readonly bool _draws;

    public DpmSolverSampler(SchedulerConfig config, int steps) : base(config, steps, SigmaPlan.Whole(config, steps))
    {
        DpmAlgorithm algorithm = config.Algorithm;
        _draws = algorithm is DpmAlgorithm.SdeDpmSolver or DpmAlgorithm.SdeDpmSolverPlusPlus;
        _integratesClean = algorithm is DpmAlgorithm.DpmSolverPlusPlus or DpmAlgorithm.SdeDpmSolverPlusPlus;
        if (!_integratesClean && Sigmas[^1] == 0)
        {
            throw new SamplingException(
                "algorithm_type 'dpmsolver' and 'sde-dpmsolver' cannot end without noise; set final_sigmas_type to " +
                "'sigma_min' or take 'dpmsolver++'");
        }

        if (_draws && config.SolverOrder > 2)
        {
            throw new SamplingException(
                $"the stochastic forms of dpmsolver have order 1 or 2, solver_order is {config.SolverOrder}; set it " +
                "to 2");
        }
    }

    /// <summary>
    /// Noise is drawn at the last call too, where its deviation may be 0: the stream stays the reference's.
    /// </summary>
    public override bool DrawsNoise(int callIndex) => _draws;

    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    private sealed class Run : SamplerRun
    {
        private readonly DpmSolverSampler _sampler;
        private readonly History _values;

        public Run(DpmSolverSampler sampler, int firstCall) : base(sampler, firstCall)
        {
            _sampler = sampler;
            _values = Remember(sampler.Config.SolverOrder);
        }

        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            _values.Push(_sampler.Integrand(call, _sampler._integratesClean).Of(sample, output));
            ExponentialIntegral step = ExponentialIntegral.Over(
                _sampler.Config.Algorithm, _sampler.Sigmas[call], _sampler.Sigmas[call + 1]);
            Tensor next = _sampler.OrderAt(call, _values.Count) switch
            {
                1 => Ops.LinearCombination(((float)step.Sample, sample), ((float)step.D0, _values[0])),
                2 => Second(call, step, sample),
                _ => Third(call, step, sample),
            };
            return _sampler._draws ? Ops.LinearCombination((1, next), ((float)step.Noise, noise())) : next;
        }

        private Tensor Second(int call, in ExponentialIntegral step, Tensor sample)
        {
            double h = _sampler.Lambda(call + 1) - _sampler.Lambda(call);
            double ratio = (_sampler.Lambda(call) - _sampler.Lambda(call - 1)) / h;
            double slope = (_sampler.Config.SolverType == SolverType.Heun ? step.D1 : step.Midpoint) / ratio;
            return Ops.LinearCombination(
                ((float)step.Sample, sample), ((float)(step.D0 + slope), _values[0]), ((float)-slope, _values[1]));
        }

        private Tensor Third(int call, in ExponentialIntegral step, Tensor sample)
        {
            double h = _sampler.Lambda(call + 1) - _sampler.Lambda(call);
            double r0 = (_sampler.Lambda(call) - _sampler.Lambda(call - 1)) / h;
            double r1 = (_sampler.Lambda(call - 1) - _sampler.Lambda(call - 2)) / h;

            // D1 = near + r0 / (r0 + r1) (near - far) and D2 = (near - far) / (r0 + r1),
            // where near = (m0 - m1) / r0 and far = (m1 - m2) / r1.
            double near = step.D1 + (((step.D1 * r0) + step.D2) / (r0 + r1));
            double far = -((step.D1 * r0) + step.D2) / (r0 + r1);
            return Ops.LinearCombination(
                ((float)step.Sample, sample),
                ((float)(step.D0 + (near / r0)), _values[0]),
                ((float)((far / r1) - (near / r0)), _values[1]),
                ((float)(-far / r1), _values[2]));
        }
    }
}
