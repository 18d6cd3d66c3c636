using System;
using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Linear multistep of order 4 on sigma (Adams-Bashforth with unequal steps). Source: k-diffusion's <c>sample_lms</c>;
/// diffusers' LMSDiscreteScheduler.
/// </summary>
internal sealed class LmsSampler(SchedulerConfig config, int steps)
    : SigmaSampler(config, steps, SigmaPlan.Fractional(config, steps))
{
    private const int Order = 4;

    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    /// <summary>
    /// The integral over a step of the Lagrange polynomial that is 1 at the level <paramref name="back"/> calls ago.
    /// </summary>
    private double Weight(int call, int back, int order)
    {
        // Two Gauss-Legendre points integrate polynomials up to degree 3, the largest there is, exactly.
        double middle = (Sigmas[call] + Sigmas[call + 1]) / 2;
        double half = (Sigmas[call + 1] - Sigmas[call]) / 2;
        double offset = half / Math.Sqrt(3);
        return half * (Lagrange(middle - offset, call, back, order) + Lagrange(middle + offset, call, back, order));
    }

    private double Lagrange(double sigma, int call, int back, int order)
    {
        double product = 1;
        foreach (int other in Enumerable.Range(0, order).Where(other => other != back))
        {
            product *= (sigma - Sigmas[call - other]) / (Sigmas[call - back] - Sigmas[call - other]);
        }

        return product;
    }

    private sealed class Run : SamplerRun
    {
        private readonly LmsSampler _sampler;
        private readonly History _slopes;

        public Run(LmsSampler sampler, int firstCall) : base(sampler, firstCall)
        {
            _sampler = sampler;
            _slopes = Remember(Order);
        }

        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            LinearForm slope = Prediction.NoiseUnscaled(_sampler.Config.Prediction, _sampler.Sigmas[call]);
            _slopes.Push(slope.Of(sample, output));
            (float Factor, Tensor Term)[] terms = new (float, Tensor)[_slopes.Count + 1];
            terms[0] = (1, sample);
            for (int back = 0; back < _slopes.Count; back++)
            {
                terms[back + 1] = ((float)_sampler.Weight(call, back, _slopes.Count), _slopes[back]);
            }

            return Ops.LinearCombination(terms);
        }
    }
}
