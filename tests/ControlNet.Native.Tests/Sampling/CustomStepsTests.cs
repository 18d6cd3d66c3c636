using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Sampling;

/// <summary>Steps that the caller lists.</summary>
public sealed class CustomStepsTests
{
    /// <summary>
    /// The lists of "Align your steps" for Stable Diffusion 1.5 (Sabour et al., 2024, arXiv:2404.14507), which give the
    /// same way in both units.
    /// </summary>
    private static readonly double[] s_timesteps = [999, 850, 736, 645, 545, 455, 343, 233, 124, 24];

    private static readonly double[] s_sigmas =
        [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0];

    public static TheoryData<SamplerKind> Kinds => [.. Enum.GetValues<SamplerKind>().Except([SamplerKind.Pndm])];

    public static TheoryData<SamplerKind> SigmaKinds =>
        [.. Enum.GetValues<SamplerKind>().Where(kind => !SchedulerConfig.WorksOnAlphas(kind))];

    [Fact]
    public void Timesteps_and_sigmas_say_the_same()
    {
        SchedulerConfig euler = SchedulerConfig.StableDiffusion15.With(SamplerKind.Euler);
        Sampler listed = Sampler.Create(euler with { Timesteps = s_timesteps }, 10);
        Assert.Equal(s_timesteps, listed.Timesteps);
        // The published timesteps are rounded.
        Assert.All(
            s_sigmas.Zip(listed.Sigmas), pair => Assert.Equal(pair.First, pair.Second, 4e-3 * pair.First));

        Sampler levels = Sampler.Create(euler with { Sigmas = s_sigmas }, 10);
        Assert.Equal(s_sigmas, levels.Sigmas);
        Assert.All(s_timesteps.Zip(levels.Timesteps), pair => Assert.Equal(pair.First, pair.Second, 1.0));
        Sampler solver = Sampler.Create(
            SchedulerConfig.StableDiffusion15.With(SamplerKind.DpmPlusPlus2M) with { Sigmas = s_sigmas }, 10);
        Assert.All(s_timesteps.Zip(solver.Timesteps), pair => Assert.InRange(pair.Second - pair.First, -1, 1));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_list_a_sampler_makes_itself_gives_the_same_samples(SamplerKind kind)
    {
        Sampler own = Sampler.Create(Leading(kind), 8);
        double[] list = [.. Listed(own)];
        Assert.Equal(8, list.Length);
        Assert.Equal(Play(own), Play(Sampler.Create(Leading(kind) with { Timesteps = list }, 8)));
    }

    [Theory]
    [MemberData(nameof(SigmaKinds))]
    public void So_do_its_levels(SamplerKind kind)
    {
        Sampler own = Sampler.Create(Leading(kind), 8);
        Sampler listed = Sampler.Create(Leading(kind) with { Sigmas = [.. own.Sigmas.Distinct()] }, 8);
        Assert.Equal(own.Sigmas, listed.Sigmas);
        Assert.All(own.Timesteps.Zip(listed.Timesteps), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
        Assert.All(Play(own).Zip(Play(listed)), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_perfect_model_leads_back_along_unequal_gaps(SamplerKind kind)
    {
        SchedulerConfig config = SchedulerConfig.StableDiffusion15.With(kind) with
        {
            Prediction = PredictionType.Sample,
            SetAlphaToOne = true,
            Timesteps = s_timesteps,
        };
        float[] result = Play(Sampler.Create(config, 10), always: [0.5f, -0.25f]);

        // DEIS ends at the smallest level of training, and the fourth order of LMS sees its error of the start.
        double left = kind is SamplerKind.Deis or SamplerKind.Lms ? 0.5 : 1e-5;
        Assert.Equal(0.5f, result[0], left);
        Assert.Equal(-0.25f, result[1], left);
    }

    [Theory]
    [InlineData(SamplerKind.Pndm, "999,1", null, "pndm needs timesteps at equal gaps and takes neither *")]
    [InlineData(SamplerKind.Euler, "999,1", "1,0", "Timesteps and Sigmas are two ways of saying the same; *")]
    [InlineData(SamplerKind.Euler, "", null, "Timesteps is empty; give at least one")]
    [InlineData(SamplerKind.Euler, "1000,1", null, "Timesteps[0] is 1000, but must be from 0 to 999")]
    [InlineData(SamplerKind.Euler, "9,-1", null, "Timesteps[1] is -1, but must be from 0 to 999")]
    [InlineData(SamplerKind.Euler, "NaN", null, "Timesteps[0] is NaN, but must be from 0 to 999")]
    [InlineData(SamplerKind.Ddim, "9,8.5", null, "Timesteps[1] is 8.5, but ddim takes whole ones; round it")]
    [InlineData(SamplerKind.UniPc, "9.5", null, "Timesteps[0] is 9.5, but unipc takes whole ones; round it")]
    [InlineData(SamplerKind.Ddpm, "9,9", null, "Timesteps[1] is 9 after 9, but each must be less than the one before")]
    [InlineData(SamplerKind.Lcm, null, "1,0", "lcm works on timesteps and takes no Sigmas; give Timesteps or *")]
    [InlineData(SamplerKind.Euler, null, "1", "Sigmas has 1 levels; give at least two, of which the last is *")]
    [InlineData(SamplerKind.Euler, null, "1,2", "Sigmas[1] is 2 after 1, but each must be less than the one before")]
    [InlineData(SamplerKind.Euler, null, "Infinity,2", "Sigmas[0] is Infinity, but must be a finite number of *")]
    [InlineData(SamplerKind.Euler, null, "1,-1", "Sigmas[1] is -1, but must be a finite number of at least 0")]
    [InlineData(SamplerKind.Dpm2, null, "2,1", "Sigmas ends with 1, but dpm2 must end with 0; add a 0")]
    public void Lists_that_are_no_way(SamplerKind kind, string? timesteps, string? sigmas, string message)
    {
        SchedulerConfig config = SchedulerConfig.StableDiffusion15.With(kind) with
        {
            Timesteps = Numbers(timesteps),
            Sigmas = Numbers(sigmas),
        };
        int steps = Math.Max(1, CustomSteps.CountOf(config)!.Value);
        SamplingException refused = Assert.Throws<SamplingException>(() => Sampler.Create(config, steps));
        Assert.Matches(Support.Wildcard.Pattern(message), refused.Message);
    }

    [Fact]
    public void Another_number_of_steps_than_the_list_makes() => Assert.Equal(
        "steps is 3, but the list of the configuration makes 10",
        Assert.Throws<SamplingException>(() => Sampler.Create(
            SchedulerConfig.StableDiffusion15.With(SamplerKind.Euler) with { Sigmas = s_sigmas }, 3)).Message);

    private static double[]? Numbers(string? list) => list is null
        ? null
        : [.. list.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(part =>
            double.Parse(part, System.Globalization.CultureInfo.InvariantCulture))];

    /// <summary>Whole timesteps at equal gaps, which every sampler picks when asked to.</summary>
    private static SchedulerConfig Leading(SamplerKind kind) => SchedulerConfig.StableDiffusion15.With(kind) with
    {
        TimestepSpacing = kind is SamplerKind.DpmPlusPlus2S ? TimestepSpacing.Linspace : TimestepSpacing.Leading,
        OriginalInferenceSteps = 40,
    };

    private static IEnumerable<double> Listed(Sampler sampler) => sampler.Config.Kind switch
    {
        SamplerKind.Dpm2 or SamplerKind.Dpm2Ancestral => sampler.Timesteps.Where((_, call) => call % 2 == 0),
        _ => sampler.Timesteps.Distinct(),
    };

    /// <summary>What a run makes of fixed noise, with a made-up model or one that always answers the same.</summary>
    private static float[] Play(Sampler sampler, float[]? always = null)
    {
        using Device device = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Shape shape = new(2);
        Tensor x = Tensor.From(device, shape, [(float)sampler.InitialNoiseScale, -0.5f]);
        using SamplerRun run = sampler.Start();
        for (int call = 0; call < sampler.CallCount; call++)
        {
            Tensor output = always is null
                ? Ops.LinearCombination(((float)(0.3 + (sampler.Timesteps[call] / 2000)), sampler.ScaleInput(x, call)))
                : Tensor.From(device, shape, always);
            float draw = (float)Math.Sin(1 + call);
            x = run.Step(output, call, x, () => Tensor.From(device, shape, [draw, -draw]));
        }

        return x.ToArray();
    }
}
