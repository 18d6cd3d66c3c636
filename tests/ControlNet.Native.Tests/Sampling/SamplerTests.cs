using System;
using System.Linq;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Sampling;

public sealed class SamplerTests
{
    private static readonly SchedulerConfig s_sd15 = SchedulerConfig.StableDiffusion15;

    public static TheoryData<SamplerKind> Kinds => [.. Enum.GetValues<SamplerKind>()];

    [Fact]
    public void Pndm_calls_the_model_once_more_than_it_has_steps()
    {
        Sampler sampler = Sampler.Create(s_sd15, 20);
        Assert.Equal(21, sampler.CallCount);
        Assert.Equal([951, 901, 901, 851], sampler.Timesteps.Take(4));
        Assert.Equal(1, sampler.Timesteps[^1]);
        Assert.Equal(1, Sampler.Create(s_sd15, 1).CallCount);
    }

    [Theory]
    [InlineData(30, 958)]
    [InlineData(20, 951)]
    [InlineData(50, 981)]
    public void Leading_spacing_takes_exactly_the_steps_asked_for(int steps, double first)
    {
        Sampler sampler = Sampler.Create(s_sd15.With(SamplerKind.Ddim), steps);
        Assert.Equal(steps, sampler.CallCount);
        Assert.Equal((first, 1), (sampler.Timesteps[0], sampler.Timesteps[^1]));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Runs_of_one_sampler_do_not_disturb_each_other_and_leave_nothing_behind(SamplerKind kind)
    {
        using Device device = Devices.Cpu(threads: 1);
        Sampler sampler = Sampler.Create(s_sd15.With(kind) with { Eta = 0.5 }, 7);
        float[] alone = [.. Play(device, sampler, 1), .. Play(device, sampler, 2)];
        Assert.Equal(0, device.BlocksInUse);

        using (TensorScope scope = TensorScope.Enter())
        {
            using SamplerRun first = sampler.Start(), second = sampler.Start();
            Tensor a = Begin(device, sampler, 1), b = Begin(device, sampler, 2);
            for (int call = 0; call < sampler.CallCount; call++)
            {
                a = Call(device, sampler, first, call, a, 1);
                b = Call(device, sampler, second, call, b, 2);
            }

            float[] together = [.. a.ToArray(), .. b.ToArray()];
            Assert.Equal(alone, together);
            Assert.All(alone, v => Assert.True(float.IsFinite(v)));
        }

        Assert.Equal(0, device.BlocksInUse);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_run_frees_what_it_remembers_when_it_is_given_up(SamplerKind kind)
    {
        using Device device = Devices.Cpu(threads: 1);
        Sampler sampler = Sampler.Create(s_sd15.With(kind), 8);
        SamplerRun run = sampler.Start();
        using (TensorScope.Enter())
        {
            Tensor x = Begin(device, sampler, 3);
            for (int call = 0; call < 5; call++)
            {
                x = Call(device, sampler, run, call, x, 3);
            }
        }

        run.Dispose();
        Assert.Equal(0, device.BlocksInUse);
        Assert.Throws<ObjectDisposedException>(() => run.Step(null!, 5, null!));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_run_may_begin_late(SamplerKind kind)
    {
        using Device device = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Sampler sampler = Sampler.Create(s_sd15.With(kind), 10);
        int begin = 4 * sampler.CallsPerStep;
        using SamplerRun run = sampler.Start(begin);
        Tensor clean = Tensor.From(device, new Shape(1, 2, 2, 1), [0.5f, -0.5f, 1f, 0.25f]);
        Tensor noise = Tensor.From(device, clean.Shape, [1f, -1f, 0.3f, 0.1f]);
        Tensor x = sampler.AddNoise(clean, noise, begin);
        for (int call = begin; call < sampler.CallCount; call++)
        {
            x = Call(device, sampler, run, call, x, call);
        }

        Assert.All(x.ToArray(), v => Assert.True(float.IsFinite(v)));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_perfect_model_leads_back_to_the_clean_sample(SamplerKind kind)
    {
        // A model that always answers with x0: every solver must return it, up to the noise its last level leaves.
        using Device device = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Sampler sampler = Sampler.Create(s_sd15.With(kind) with { Prediction = PredictionType.Sample }, 10);
        float[] target = [0.5f, -0.5f, 1f, 0.25f];
        Tensor clean = Tensor.From(device, new Shape(1, 2, 2, 1), target);
        Tensor x = Begin(device, sampler, 5);
        using SamplerRun run = sampler.Start();
        for (int call = 0; call < sampler.CallCount; call++)
        {
            x = run.Step(clean, call, x, () => Draw(device, call));
        }

        float[] result = x.ToArray();
        double left = kind is SamplerKind.Pndm or SamplerKind.Ddim or SamplerKind.Deis or SamplerKind.Lms ? 0.4 : 1e-5;
        for (int i = 0; i < target.Length; i++)
        {
            Assert.Equal(target[i], result[i], left);
        }
    }

    [Fact]
    public void The_clean_sample_is_clamped_where_the_configuration_says_so()
    {
        using Device device = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        SchedulerConfig config = s_sd15 with { ClipSample = true, SetAlphaToOne = true, ClipSampleRange = 0.75 };
        SamplerKind[] kinds = [SamplerKind.Ddim, SamplerKind.Ddpm, SamplerKind.Lcm, SamplerKind.Heun];
        foreach (SamplerKind kind in kinds)
        {
            Sampler sampler = Sampler.Create(config.With(kind) with { Prediction = PredictionType.Sample }, 5);
            Tensor clean = Tensor.From(device, new Shape(2), [5f, -0.25f]);
            Tensor x = Tensor.From(device, new Shape(2), [(float)sampler.InitialNoiseScale, 0f]);
            using SamplerRun run = sampler.Start();
            for (int call = 0; call < sampler.CallCount; call++)
            {
                x = run.Step(clean, call, x, () => Tensor.Zeros(device, new Shape(2)));
            }

            // DDIM keeps the noise it estimated before the clamp; the others end at the clamped sample itself.
            float[] result = x.ToArray();
            Assert.True(result[0] < 1.1f, $"{kind} ended at {result[0]}");
            if (kind is not SamplerKind.Ddim)
            {
                Assert.Equal(0.75f, result[0], 2e-2f);
            }
        }
    }

    [Fact]
    public void Calls_are_taken_in_order()
    {
        using Device device = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Sampler sampler = Sampler.Create(s_sd15.With(SamplerKind.Ddim), 2);
        using SamplerRun run = sampler.Start();
        Tensor x = Begin(device, sampler, 1);
        Assert.Equal(
            "Step: call 1 is not the next one; the run is at call 0 of 2",
            Assert.Throws<SamplingException>(() => run.Step(x, 1, x)).Message);
        _ = run.Step(x, 0, x);
        _ = run.Step(x, 1, x);
        Assert.Equal(
            "Step: the run has taken all its 2 calls; start another for a new image",
            Assert.Throws<SamplingException>(() => run.Step(x, 2, x)).Message);
        Assert.Equal(
            "call 2 does not exist; the sampler has calls 0 to 1",
            Assert.Throws<SamplingException>(() => sampler.ScaleInput(x, 2)).Message);
        Assert.Equal(
            "Start: call 3 lies inside a step of 2 calls; begin with call 2",
            Assert.Throws<SamplingException>(() => Sampler.Create(s_sd15.With(SamplerKind.Heun), 5).Start(3)).Message);
    }

    [Fact]
    public void A_stochastic_step_without_noise_is_refused_and_can_be_taken_again()
    {
        using Device device = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Sampler sampler = Sampler.Create(s_sd15.With(SamplerKind.EulerAncestral), 4);
        using SamplerRun run = sampler.Start();
        Tensor x = Begin(device, sampler, 1);
        Assert.Equal(
            "Step: euler_a draws noise at call 0 and was given no way to; pass a NoiseRequest",
            Assert.Throws<SamplingException>(() => run.Step(x, 0, x)).Message);
        Assert.Equal(x.Shape, run.Step(x, 0, x, () => Draw(device, 1)).Shape);
    }

    [Fact]
    public void Impossible_plans_are_refused_in_words()
    {
        Assert.Equal(
            "steps is 1001, but must be from 1 to the 1000 timesteps of training", Refusal(s_sd15, 1001));
        Assert.Equal(
            "steps_offset 500 moves a timestep to 1300, the last one is 999; make it smaller",
            Refusal(s_sd15 with { StepsOffset = 500 }, 5));
        Assert.Equal(
            "pndm with Runge-Kutta steps takes at least 4 steps, got 3; take more or set skip_prk_steps to true",
            Refusal(s_sd15 with { SkipPrkSteps = false }, 3));
        Assert.Equal(
            "algorithm_type 'dpmsolver' and 'sde-dpmsolver' cannot end without noise; set final_sigmas_type to " +
            "'sigma_min' or take 'dpmsolver++'",
            Refusal(s_sd15.With(SamplerKind.DpmPlusPlus2M) with { Algorithm = DpmAlgorithm.DpmSolver }, 5));
        Assert.Equal(
            "lcm takes at most original_inference_steps = 50 steps (of 1000 timesteps), got 51; take fewer steps",
            Refusal(s_sd15.With(SamplerKind.Lcm), 51));
    }

    [Fact]
    public void Names_and_aliases_are_known_and_others_are_refused_with_the_list()
    {
        Assert.All(SamplerNames.Samplers, name => Assert.Equal(name, SamplerNames.Of(SamplerNames.Sampler(name))));
        Assert.All(SamplerNames.Schedules, name => Assert.Equal(name, SamplerNames.Of(SamplerNames.Schedule(name))));
        Assert.Equal(Enum.GetValues<SamplerKind>().Length, SamplerNames.Samplers.Count);
        Assert.Equal(SamplerKind.Pndm, SamplerNames.Sampler("PLMS"));
        Assert.Equal(SamplerKind.DpmPlusPlus2M, SamplerNames.Sampler("dpm++2m"));
        Assert.Equal(SigmaSchedule.Normal, SamplerNames.Schedule("discrete"));
        Assert.StartsWith(
            "there is no sampler 'warp\\u000a'; take one of ddim, pndm, ddpm, euler, euler_a, ",
            Assert.Throws<SamplingException>(() => SamplerNames.Sampler("warp\n")).Message, StringComparison.Ordinal);
        Assert.Equal(
            "there is no schedule 'beta'; take one of normal, karras, exponential, lu",
            Assert.Throws<SamplingException>(() => SamplerNames.Schedule("beta")).Message);
    }

    [Theory]
    [InlineData(SigmaSchedule.Karras)]
    [InlineData(SigmaSchedule.Exponential)]
    public void Spaced_levels_fall_from_the_largest_to_the_smallest(SigmaSchedule schedule)
    {
        Sampler sampler = Sampler.Create(s_sd15.With(SamplerKind.Euler, schedule), 12);
        Assert.Equal(13, sampler.Sigmas.Count);
        Assert.Equal(
            (14.6146, 0.029168, 0),
            (Math.Round(sampler.Sigmas[0], 4), Math.Round(sampler.Sigmas[11], 6), sampler.Sigmas[12]));
        Assert.True(sampler.Sigmas.Zip(sampler.Sigmas.Skip(1)).All(pair => pair.First > pair.Second));
        double gap = sampler.Sigmas[0] / sampler.Sigmas[1];
        Assert.Equal(
            schedule == SigmaSchedule.Exponential, Math.Abs((sampler.Sigmas[10] / sampler.Sigmas[11]) - gap) < 1e-9);
    }

    private static string Refusal(SchedulerConfig config, int steps) =>
        Assert.Throws<SamplingException>(() => Sampler.Create(config, steps)).Message;

    private static float[] Play(Device device, Sampler sampler, int seed)
    {
        using TensorScope scope = TensorScope.Enter();
        using SamplerRun run = sampler.Start();
        Tensor x = Begin(device, sampler, seed);
        for (int call = 0; call < sampler.CallCount; call++)
        {
            x = Call(device, sampler, run, call, x, seed);
        }

        return x.ToArray();
    }

    private static Tensor Begin(Device device, Sampler sampler, int seed) =>
        Ops.Scale(Draw(device, seed), (float)sampler.InitialNoiseScale);

    /// <summary>A call of a model that is linear in the scaled sample.</summary>
    private static Tensor Call(Device device, Sampler sampler, SamplerRun run, int call, Tensor x, int seed)
    {
        Tensor output = Ops.Scale(sampler.ScaleInput(x, call), 0.7f);
        return run.Step(output, call, x, () => Draw(device, (1000 * seed) + call));
    }

    private static Tensor Draw(Device device, int seed)
    {
        Random random = new(seed);
        float[] values = [.. Enumerable.Range(0, 4).Select(_ => (float)((4 * random.NextDouble()) - 2))];
        return Tensor.From(device, new Shape(1, 2, 2, 1), values);
    }
}
