using System;
using System.Linq;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Sampling;

public sealed class NoiseScheduleTests
{
    private static readonly NoiseSchedule s_sd15 = NoiseSchedule.From(SchedulerConfig.StableDiffusion15);

    [Theory]
    [InlineData(0, 0.999150, 5e-7)]
    [InlineData(1, 0.998296, 5e-7)]
    [InlineData(500, 0.276333, 1e-6)]
    [InlineData(951, 0.008155, 5e-7)]
    [InlineData(981, 0.0057755, 5e-8)]
    [InlineData(999, 0.00466010, 5e-9)]
    public void Has_the_signal_of_stable_diffusion(int timestep, double alphaCumprod, double error) =>
        Assert.Equal(alphaCumprod, s_sd15.AlphasCumprod[timestep], error);

    // The constants are those of double arithmetic; float32 betas move the largest by 4e-6.
    [Theory]
    [InlineData(0, 0.0291672, 5e-7)]
    [InlineData(500, 1.61828, 5e-6)]
    [InlineData(951, 11.02833, 1e-5)]
    [InlineData(981, 13.12041, 1e-5)]
    [InlineData(999, 14.6146412, 1e-5)]
    public void Has_the_noise_levels_of_stable_diffusion(int timestep, double sigma, double error) =>
        Assert.Equal(sigma, s_sd15.Sigma(timestep), error);

    [Fact]
    public void Rescaling_keeps_the_first_timestep_and_makes_the_last_pure_noise()
    {
        SchedulerConfig config = SchedulerConfig.StableDiffusion15 with
        {
            RescaleBetasZeroSnr = true,
            Prediction = PredictionType.Velocity,
        };
        NoiseSchedule schedule = NoiseSchedule.From(config);
        Assert.Equal(s_sd15.AlphasCumprod[0], schedule.AlphasCumprod[0], 1e-6);
        Assert.Equal(0, schedule.AlphasCumprod[999]);
        Assert.True(schedule.AlphasCumprod.Zip(schedule.AlphasCumprod.Skip(1)).All(pair => pair.First > pair.Second));

        // A sampler on sigmas ends at the largest level that is finite in half precision's smallest number.
        Assert.Equal(4096, NoiseSchedule.From(config.With(SamplerKind.Euler)).Sigma(999), 1e-3);
    }

    [Fact]
    public void Refuses_to_recover_the_sample_from_pure_noise_by_epsilon()
    {
        SchedulerConfig config = SchedulerConfig.StableDiffusion15 with { RescaleBetasZeroSnr = true };
        Assert.Equal(
            "rescale_betas_zero_snr makes the last timestep pure noise, from which an epsilon prediction recovers " +
            "nothing; set prediction_type to 'v_prediction' or the rescaling to false",
            Assert.Throws<SamplingException>(() => NoiseSchedule.From(config)).Message);
    }

    [Fact]
    public void The_squared_cosine_follows_its_definition()
    {
        NoiseSchedule schedule = NoiseSchedule.From(new SchedulerConfig
        {
            Kind = SamplerKind.Ddpm,
            BetaSchedule = BetaSchedule.SquaredCosine,
        });
        double Cosine(double time) => Math.Pow(Math.Cos((time + 0.008) / 1.008 * Math.PI / 2), 2);
        Assert.Equal(Cosine(0.5) / Cosine(0), schedule.AlphasCumprod[499], 1e-4);
    }

    [Fact]
    public void Trained_betas_replace_the_schedule_and_must_be_as_many_as_the_timesteps()
    {
        SchedulerConfig config = new() { Kind = SamplerKind.Ddpm, TrainTimesteps = 3, TrainedBetas = [0.1, 0.2, 0.5] };
        Assert.Equal([0.9, 0.72, 0.36], NoiseSchedule.From(config).AlphasCumprod.Select(a => Math.Round(a, 6)));
        Assert.Equal(
            "trained_betas has 3 entries and num_train_timesteps is 4; make them the same, 2 or more",
            Assert.Throws<SamplingException>(() => NoiseSchedule.From(config with { TrainTimesteps = 4 })).Message);
    }

    [Fact]
    public void Noise_and_velocity_invert_to_the_clean_sample()
    {
        using Device device = Devices.Cpu(threads: 1);
        using (TensorScope.Enter())
        {
            Tensor x0 = Tensor.From(device, new Shape(4), [0.3f, -1.2f, 0.8f, 2f]);
            Tensor noise = Tensor.From(device, new Shape(4), [1.1f, 0.4f, -0.7f, -1.5f]);
            float[] noised = s_sd15.AddNoise(x0, noise, 500).ToArray();
            float[] velocity = s_sd15.Velocity(x0, noise, 500).ToArray();
            double alpha = Math.Sqrt(s_sd15.AlphasCumprod[500]), sigma = Math.Sqrt(1 - s_sd15.AlphasCumprod[500]);
            float[] expected = x0.ToArray();
            for (int i = 0; i < expected.Length; i++)
            {
                // x0 = alpha x - sigma v
                Assert.Equal(expected[i], (alpha * noised[i]) - (sigma * velocity[i]), 1e-6);
            }
        }
    }
}
