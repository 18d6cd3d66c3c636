using System;
using System.IO;
using System.Linq;
using System.Text;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Sampling;

public sealed class SchedulerConfigTests
{
    private static string Sd1Path => Repository.Golden("models", "sd1-tiny", "scheduler", "scheduler_config.json");

    [Fact]
    public void Reads_the_file_of_stable_diffusion_1()
    {
        SchedulerConfig config = SchedulerConfig.FromJson(Sd1Path);
        Assert.Equal(SamplerKind.Pndm, config.Kind);
        Assert.Equal((0.00085, 0.012), (config.BetaStart, config.BetaEnd));
        Assert.Equal(BetaSchedule.ScaledLinear, config.BetaSchedule);
        Assert.Equal((true, false, false), (config.SkipPrkSteps, config.SetAlphaToOne, config.ClipSample));
        Assert.Equal(1, config.StepsOffset);
        Assert.Equal(PredictionType.Epsilon, config.Prediction);
        Assert.Equal(TimestepSpacing.Leading, config.TimestepSpacing);
    }

    [Fact]
    public void Reads_the_file_of_stable_diffusion_2()
    {
        SchedulerConfig config = SchedulerConfig.FromJson(
            Repository.Golden("models", "sd2-tiny", "scheduler", "scheduler_config.json"));
        Assert.Equal((SamplerKind.Ddim, PredictionType.Velocity), (config.Kind, config.Prediction));
    }

    [Theory]
    [InlineData(SamplerKind.Ddim, TimestepSpacing.Leading)]
    [InlineData(SamplerKind.Ddpm, TimestepSpacing.Leading)]
    [InlineData(SamplerKind.Lcm, TimestepSpacing.Leading)]
    [InlineData(SamplerKind.Euler, TimestepSpacing.Linspace)]
    [InlineData(SamplerKind.EulerAncestral, TimestepSpacing.Linspace)]
    [InlineData(SamplerKind.Heun, TimestepSpacing.Linspace)]
    [InlineData(SamplerKind.DpmPlusPlus2M, TimestepSpacing.Linspace)]
    [InlineData(SamplerKind.UniPc, TimestepSpacing.Linspace)]
    public void Another_sampler_brings_its_own_defaults_and_keeps_the_keys_of_the_file(
        SamplerKind kind, TimestepSpacing spacing)
    {
        SchedulerConfig config = SchedulerConfig.FromJson(Sd1Path).With(kind);
        Assert.Equal(spacing, config.TimestepSpacing);
        Assert.Equal((0.00085, 0.012, 1), (config.BetaStart, config.BetaEnd, config.StepsOffset));
        Assert.False(config.SetAlphaToOne);
        Assert.Equal(SchedulerConfig.FromJson(Sd1Path, kind).TimestepSpacing, config.TimestepSpacing);
    }

    [Fact]
    public void A_key_of_the_file_survives_any_number_of_changes()
    {
        SchedulerConfig config = Parse("""{"_class_name": "DDIMScheduler", "timestep_spacing": "trailing"}""");
        SchedulerConfig there = config.With(SamplerKind.Euler, SigmaSchedule.Karras);
        Assert.Equal((TimestepSpacing.Trailing, SigmaSchedule.Karras), (there.TimestepSpacing, there.SigmaSchedule));
        SchedulerConfig back = there.With(SamplerKind.Ddim);
        Assert.Equal((TimestepSpacing.Trailing, SigmaSchedule.Normal), (back.TimestepSpacing, back.SigmaSchedule));
        Assert.True(back.SetAlphaToOne);
        Assert.True(back.ClipSample);
    }

    [Fact]
    public void A_solver_type_of_another_solver_counts_as_not_given()
    {
        SchedulerConfig config = Parse("""{"_class_name": "UniPCMultistepScheduler", "solver_type": "bh1"}""");
        Assert.Equal(SolverType.Bh1, config.SolverType);
        Assert.Equal(SolverType.Midpoint, config.With(SamplerKind.DpmPlusPlus2M).SolverType);
        Assert.Equal(SolverType.LogRho, config.With(SamplerKind.Deis).SolverType);
        Assert.Equal(SolverType.Bh1, config.With(SamplerKind.UniPc).SolverType);
    }

    [Fact]
    public void A_sampler_without_noise_levels_refuses_a_schedule() => Assert.Equal(
        "sampler ddim has no karras schedule; take 'normal' or another sampler",
        Assert.Throws<SamplingException>(
            () => SchedulerConfig.StableDiffusion15.With(SamplerKind.Ddim, SigmaSchedule.Karras)).Message);

    [Theory]
    [InlineData("""{}""", "f.json: key '_class_name' is missing; add it, or choose a sampler")]
    [InlineData("""[1]""", "f.json: is not a JSON object; pass the model's scheduler_config.json")]
    [InlineData(
        """{"_class_name": "PNDMScheduler", "thresholding": true}""",
        "f.json: key 'thresholding' is true, which is not computed; set it to false")]
    [InlineData(
        """{"_class_name": "PNDMScheduler", "beta_start": "x\u0007"}""",
        "f.json: key 'beta_start' is \"x\\u0007\"; it must be a number from 0 to 1")]
    [InlineData(
        """{"_class_name": "PNDMScheduler", "num_train_timesteps": 1e99}""",
        "f.json: key 'num_train_timesteps' is 1e99; it must be an integer from 2 to 100000")]
    [InlineData(
        """{"_class_name": "PNDMScheduler", "skip_prk_steps": 1}""",
        "f.json: key 'skip_prk_steps' is 1; it must be true or false")]
    [InlineData(
        """{"_class_name": "PNDMScheduler", "prediction_type": "flow\u001b"}""",
        "f.json: key 'prediction_type' is 'flow\\u001b', which is not known; it must be one of epsilon, " +
        "v_prediction, sample")]
    [InlineData(
        """{"_class_name": "EulerDiscreteScheduler", "timestep_type": "continuous"}""",
        "f.json: key 'timestep_type' is 'continuous', which is not computed; set it to 'discrete'")]
    [InlineData(
        """{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "use_exponential_sigmas": true}""",
        "f.json: key 'use_exponential_sigmas' is true and so is 'use_karras_sigmas'; set at most one of them")]
    [InlineData(
        """{"_class_name": "DDPMScheduler", "variance_type": "learned"}""",
        "f.json: key 'variance_type' is 'learned', which is not known; it must be one of fixed_small, fixed_large")]
    public void A_bad_file_is_refused_in_words(string json, string message) =>
        Assert.Equal(message, Assert.Throws<SamplingException>(() => Parse(json)).Message);

    [Fact]
    public void An_unknown_class_is_refused_with_the_known_ones()
    {
        string json = """{"_class_name": "EDMEulerScheduler"}""";
        string message = Assert.Throws<SamplingException>(() => Parse(json)).Message;
        Assert.StartsWith(
            "f.json: key '_class_name' is 'EDMEulerScheduler', which is not known; it must be one of DDIMScheduler, ",
            message, StringComparison.Ordinal);
        Assert.Equal(
            SamplerKind.Euler,
            SchedulerConfig.FromJson(Encoding.UTF8.GetBytes(json), SamplerKind.Euler).Kind);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("{\"_class_name\": \"\\ud800\"}")]
    [InlineData("{\"trained_betas\": {}, \"_class_name\": \"PNDMScheduler\"}")]
    [InlineData("{\"trained_betas\": [[]], \"_class_name\": \"PNDMScheduler\"}")]
    [InlineData("{\"beta_end\": NaN, \"_class_name\": \"PNDMScheduler\"}")]
    public void A_damaged_file_is_refused_with_a_message_that_names_it(string json)
    {
        string message = Assert.Throws<SamplingException>(() => Parse(json)).Message;
        Assert.StartsWith("f.json: ", message, StringComparison.Ordinal);
        Assert.True(message.Length <= 1024 && !message.Any(char.IsControl), message);
    }

    [Fact]
    public void A_missing_file_is_refused_with_a_message_that_names_it()
    {
        string path = Path.Combine(Path.GetTempPath(), "no-such-folder", "scheduler_config.json");
        string message = Assert.Throws<SamplingException>(() => SchedulerConfig.FromJson(path)).Message;
        Assert.StartsWith($"{path}: cannot be read (", message, StringComparison.Ordinal);
        Assert.EndsWith("; pass the model's scheduler/scheduler_config.json", message, StringComparison.Ordinal);
    }

    private static SchedulerConfig Parse(string json) =>
        SchedulerConfig.FromJson(Encoding.UTF8.GetBytes(json), source: "f.json");
}
