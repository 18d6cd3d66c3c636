using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Pseudo numerical methods: linear multistep of order 4 (PLMS) on the model output, begun by Runge-Kutta steps or, as
/// Stable Diffusion does, by one improved Euler step of two calls. Source: Liu et al., 2022, arXiv:2202.09778, eq. 9
/// and 12 and appendix F; diffusers' PNDMScheduler.
/// </summary>
internal sealed class PndmSampler(SchedulerConfig config, int steps)
    : Sampler(config, steps, NoiseSchedule.From(config), Plan(config, steps), [], 1)
{
    private const int Order = 4;

    /// <summary>Calls of the Runge-Kutta start: four for each of three steps.</summary>
    private readonly int _rungeKuttaCalls = config.SkipPrkSteps ? 0 : Order * (Order - 1);

    /// <summary>Timesteps a step goes down by.</summary>
    private readonly int _gap = config.TrainTimesteps / steps;

    private protected override SamplerRun NewRun(int firstCall) => new Run(this, firstCall);

    private static double[] Plan(SchedulerConfig config, int steps)
    {
        double[] timesteps = TimestepList.Whole(config, steps);
        List<double> calls = [];
        if (config.SkipPrkSteps)
        {
            // The second timestep is visited twice: once to correct the first step, once as itself.
            calls.AddRange(timesteps);
            if (steps > 1)
            {
                calls.Insert(1, timesteps[1]);
            }

            return [.. calls];
        }

        if (steps < Order)
        {
            throw new SamplingException(
                $"pndm with Runge-Kutta steps takes at least {Order} steps, got {steps}; take more or set " +
                "skip_prk_steps to true");
        }

        double half = config.TrainTimesteps / steps / 2;
        for (int step = 0; step < Order - 1; step++)
        {
            calls.AddRange(
                [timesteps[step], timesteps[step + 1] + half, timesteps[step + 1] + half, timesteps[step + 1]]);
        }

        calls.AddRange(timesteps.AsSpan(Order - 1));
        return [.. calls];
    }

    private sealed class Run : SamplerRun
    {
        private readonly PndmSampler _sampler;
        private readonly History _outputs, _start, _partial;

        public Run(PndmSampler sampler, int firstCall) : base(sampler, firstCall)
        {
            _sampler = sampler;
            (_outputs, _start, _partial) = (Remember(Order), Remember(1), Remember(1));
        }

        private protected override Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise) =>
            Taken < _sampler._rungeKuttaCalls
                ? RungeKutta(_sampler.Timesteps[call], output, sample)
                : Multistep(_sampler.Timesteps[call], output, sample);

        private Tensor RungeKutta(double timestep, Tensor output, Tensor sample)
        {
            int stage = Taken % Order;
            double start = _sampler.Timesteps[Taken - stage];
            if (stage == 0)
            {
                _outputs.Push(output);
                _start.Push(sample);
                _partial.Push(Ops.Scale(output, 1f / 6));
            }
            else if (stage < Order - 1)
            {
                _partial.Push(Ops.LinearCombination((1, _partial[0]), (1f / 3, output)));
            }
            else
            {
                output = Ops.LinearCombination((1, _partial[0]), (1f / 6, output));
            }

            double down = stage % 2 == 0 ? _sampler._gap / 2 : 0;
            return Transfer(start, timestep - down, _start[0], output);
        }

        private Tensor Multistep(double timestep, Tensor output, Tensor sample)
        {
            if (Taken == 1)
            {
                // The first step again, from where it began, with the mean of the outputs at both its ends.
                Tensor mean = Ops.LinearCombination((0.5f, output), (0.5f, _outputs[0]));
                return Transfer(timestep + _sampler._gap, timestep, _start[0], mean);
            }

            _outputs.Push(output);
            if (_outputs.Count == 1)
            {
                _start.Push(sample);
            }

            Tensor combined = _outputs.Count switch
            {
                1 => output,
                2 => Ops.LinearCombination((3f / 2, _outputs[0]), (-1f / 2, _outputs[1])),
                3 => Ops.LinearCombination((23f / 12, _outputs[0]), (-16f / 12, _outputs[1]), (5f / 12, _outputs[2])),
                _ => Ops.LinearCombination(
                    (55f / 24, _outputs[0]), (-59f / 24, _outputs[1]), (37f / 24, _outputs[2]),
                    (-9f / 24, _outputs[3])),
            };
            return Transfer(timestep, timestep - _sampler._gap, sample, combined);
        }

        /// <summary>Eq. 9 of the paper: from one timestep to another along a constant noise estimate.</summary>
        private Tensor Transfer(double from, double to, Tensor sample, Tensor output)
        {
            double here = _sampler.AlphaCumprod(from), there = _sampler.AlphaCumprod(to);
            double divisor = (here * Math.Sqrt(1 - there)) + Math.Sqrt(here * (1 - here) * there);
            LinearForm noise = Prediction.Noise(_sampler.Config.Prediction, Math.Sqrt(here), Math.Sqrt(1 - here));
            LinearForm next = new LinearForm(Math.Sqrt(there / here), 0) + ((here - there) / divisor * noise);
            return next.Of(sample, output);
        }
    }
}
