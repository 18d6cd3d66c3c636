using System;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>
/// The forward diffusion of a training step: each sample gets a timestep, uniform over those that are trained, and
/// noise; the network is to find the noise, or the velocity. Source: Ho et al., 2020, arXiv:2006.11239, algorithm 1;
/// Salimans and Ho, 2022, arXiv:2202.00512, section 4.
/// </summary>
internal sealed class DiffusionNoise
{
    private readonly SchedulerConfig _scheduler;
    private readonly Device _device;
    private readonly TrainingRandom _random;
    private readonly NoiseSchedule _schedule;
    private readonly int _first, _count;

    /// <summary>Noise of a model's schedule.</summary>
    /// <param name="scheduler">The model's.</param>
    /// <param name="device">Where the tensors are to be.</param>
    /// <param name="random">Draws timesteps and noise.</param>
    /// <param name="options">Which timesteps are drawn.</param>
    /// <exception cref="TrainingOptionsException">The schedule has no such timestep.</exception>
    public DiffusionNoise(SchedulerConfig scheduler, Device device, TrainingRandom random, TrainingOptions options)
    {
        (_scheduler, _device, _random) = (scheduler, device, random);
        _schedule = NoiseSchedule.From(scheduler);
        int end = _schedule.TrainTimesteps - 1, last = options.MaxTimestep ?? end;
        TrainingOptions.Require(nameof(options.MinTimestep), options.MinTimestep, 0, end);
        TrainingOptions.Require(nameof(options.MaxTimestep), last, options.MinTimestep, end);
        (_first, _count) = (options.MinTimestep, last - options.MinTimestep + 1);
    }

    /// <summary>Noises latents.</summary>
    /// <param name="latents"><c>[N, H, W, C]</c>, scaled.</param>
    /// <param name="firstPosition">Position of the first sample.</param>
    /// <returns>What the network sees, what it is to say, and the timesteps. Tensors in the caller's scope.</returns>
    public (Tensor Noised, Tensor Target, float[] Timesteps) Apply(Tensor latents, long firstPosition)
    {
        int members = latents.Shape[0];
        int each = (int)(latents.Shape.Count / Math.Max(1, members));
        float[] clean = latents.ToArray();
        float[] noised = new float[clean.Length], target = new float[clean.Length], noise = new float[each];
        float[] timesteps = new float[members];
        for (int i = 0; i < members; i++)
        {
            long position = firstPosition + i;
            int timestep = _first + _random.Below(RandomUse.Timestep, position, _count);
            timesteps[i] = timestep;
            _random.FillNormal(RandomUse.Noise, position, noise);
            double alphaCumprod = _schedule.AlphasCumprod[timestep];
            float signal = (float)Math.Sqrt(alphaCumprod), sigma = (float)Math.Sqrt(1 - alphaCumprod);
            for (int j = 0; j < each; j++)
            {
                float x0 = clean[(i * each) + j];
                noised[(i * each) + j] = (signal * x0) + (sigma * noise[j]);
                target[(i * each) + j] = _scheduler.Prediction switch
                {
                    PredictionType.Epsilon => noise[j],
                    PredictionType.Velocity => (signal * noise[j]) - (sigma * x0),
                    _ => x0,
                };
            }
        }

        return (Tensor.From(_device, latents.Shape, noised), Tensor.From(_device, latents.Shape, target), timesteps);
    }
}
