using System;
using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// UniPC: each step predicts the next sample, and the model output there corrects it before the step after. Source:
/// Zhao et al., 2023, arXiv:2302.04867, algorithms 1 and 2; diffusers' UniPCMultistepScheduler.
/// </summary>
internal sealed class UniPcSampler(SchedulerConfig config, int steps)
    : SolverSampler(config, steps, SigmaPlan.Whole(config, steps))
{
    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    /// <summary>The order of a predictor.</summary>
    private int PredictorOrder(int call, int known)
    {
        double h = Lambda(call + 1) - Lambda(call);
        int wanted = Config.LowerOrderFinal ? Math.Min(Config.SolverOrder, CallCount - call) : Config.SolverOrder;

        // Differences divided by h have no meaning for a step to no noise at all, or for one that stays where it is.
        return double.IsInfinity(h) || h == 0 ? 1 : Math.Min(wanted, known);
    }

    private sealed class Run : SamplerRun
    {
        private readonly UniPcSampler _sampler;
        private readonly History _values, _lastSample;
        private int _order;

        public Run(UniPcSampler sampler, int firstCall) : base(sampler, firstCall)
        {
            _sampler = sampler;
            (_values, _lastSample) = (Remember(sampler.Config.SolverOrder), Remember(1));
        }

        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise)
        {
            SchedulerConfig config = _sampler.Config;
            Tensor value = _sampler.Integrand(call, config.PredictX0).Of(sample, output);
            if (Taken > 0 && !config.DisableCorrector.Contains(call - 1))
            {
                sample = Step(call - 1, _order, _lastSample[0], corrected: value);
            }

            _values.Push(value);
            _lastSample.Push(sample);
            _order = _sampler.PredictorOrder(call, _values.Count);
            return Step(call, _order, sample, corrected: null);
        }

        /// <summary>
        /// From the level of a call to the next along the values known at the call and before, and, for the corrector,
        /// the one at its end. Values newest first are those at <paramref name="call"/>, the call before, ...
        /// </summary>
        private Tensor Step(int call, int order, Tensor sample, Tensor? corrected)
        {
            (double from, double to) = (_sampler.Sigmas[call], _sampler.Sigmas[call + 1]);
            double h = _sampler.Lambda(call + 1) - _sampler.Lambda(call);
            double signed = _sampler.Config.PredictX0 ? -h : h;
            double growth = Math.Exp(signed) - 1;
            double b = _sampler.Config.SolverType == SolverType.Bh1 ? signed : growth;
            (double alphaFrom, double alphaTo) = (Prediction.Alpha(from), Prediction.Alpha(to));
            double target = _sampler.Config.PredictX0 ? alphaTo : to * alphaTo;
            double kept = _sampler.Config.PredictX0 ? to * alphaTo / (from * alphaFrom) : alphaTo / alphaFrom;

            double[] ratios = new double[order - 1];
            for (int back = 1; back < order; back++)
            {
                ratios[back - 1] = (_sampler.Lambda(call - back) - _sampler.Lambda(call)) / h;
            }

            double[] weights = corrected is null
                ? UniPcWeights.Predictor(ratios, signed, growth, b)
                : UniPcWeights.Corrector(ratios, signed, growth, b);

            // Terms are the sample, the value at the call, the values before it, the value at the end.
            (float Factor, Tensor Term)[] terms = new (float, Tensor)[order + (corrected is null ? 1 : 2)];
            double now = -target * growth;
            for (int back = 1; back < order; back++)
            {
                double weight = -target * b * weights[back - 1] / ratios[back - 1];
                terms[back + 1] = ((float)weight, _values[back]);
                now -= weight;
            }

            if (corrected is not null)
            {
                double weight = -target * b * weights[^1];
                terms[^1] = ((float)weight, corrected);
                now -= weight;
            }

            terms[0] = ((float)kept, sample);
            terms[1] = ((float)now, _values[0]);
            return Ops.LinearCombination(terms);
        }
    }
}
