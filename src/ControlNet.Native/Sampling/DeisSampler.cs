using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// DEIS: the noise as a polynomial in log rho, rho = sigma / alpha, integrated exactly over each step. Source: Zhang
/// and Chen, 2022, arXiv:2204.13902, section 3.3 and appendix B; diffusers' DEISMultistepScheduler.
/// </summary>
internal sealed class DeisSampler(SchedulerConfig config, int steps)
    : SolverSampler(config, steps, SigmaPlan.Whole(config, steps))
{
    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    /// <summary>
    /// The integral over a step of the Lagrange polynomial in log rho that is 1 at the level <paramref name="back"/>
    /// calls ago.
    /// </summary>
    private double Weight(int call, int back, int order)
    {
        (double from, double to) = (Sigmas[call], Sigmas[call + 1]);
        if (order == 1)
        {
            return to - from;
        }

        double node = Math.Log(Sigmas[call - back]);
        double first = Math.Log(Sigmas[call - (back == 0 ? 1 : 0)]);
        if (order == 2)
        {
            return (Linear(to, first) - Linear(from, first)) / (node - first);
        }

        double second = Math.Log(Sigmas[call - (back == 2 ? 1 : 2)]);
        return (Quadratic(to, first, second) - Quadratic(from, first, second)) / ((node - first) * (node - second));
    }

    /// <summary>Antiderivative of log(rho) - a.</summary>
    private static double Linear(double rho, double a) => rho * (Math.Log(rho) - 1 - a);

    /// <summary>Antiderivative of (log(rho) - a) (log(rho) - b).</summary>
    private static double Quadratic(double rho, double a, double b)
    {
        double log = Math.Log(rho);
        return rho * ((log * log) - (2 * log) + 2 - ((a + b) * (log - 1)) + (a * b));
    }

    private sealed class Run : SamplerRun
    {
        private readonly DeisSampler _sampler;
        private readonly History _values;

        public Run(DeisSampler sampler, int firstCall) : base(sampler, firstCall)
        {
            _sampler = sampler;
            _values = Remember(sampler.Config.SolverOrder);
        }

        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            _values.Push(_sampler.Integrand(call, clean: false).Of(sample, output));
            int order = _sampler.OrderAt(call, _values.Count);
            double alpha = Prediction.Alpha(_sampler.Sigmas[call + 1]);
            (float Factor, Tensor Term)[] terms = new (float, Tensor)[order + 1];
            terms[0] = ((float)(alpha / Prediction.Alpha(_sampler.Sigmas[call])), sample);
            for (int back = 0; back < order; back++)
            {
                terms[back + 1] = ((float)(alpha * _sampler.Weight(call, back, order)), _values[back]);
            }

            return Ops.LinearCombination(terms);
        }
    }
}
