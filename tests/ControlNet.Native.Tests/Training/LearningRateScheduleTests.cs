using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class LearningRateScheduleTests
{
    private const string Golden = "ops/lr_schedules.json";

    [Fact]
    public void All_shapes_are_those_of_diffusers()
    {
        using Device device = Devices.Cpu(threads: 1);
        GoldenContext context = new(Repository.Golden(), device);
        GoldenResult[] results = [.. new LearningRateCheck().Run(context, Golden)];
        Assert.Equal(6, results.Length);
        Assert.All(results, result => Assert.True(result.Passed, $"{result.Case}: {result.Error:g3} {result.Problem}"));
    }

    [Fact]
    public void A_falsified_or_unknown_schedule_is_noticed()
    {
        using ScratchFolder scratch = new();
        using Device device = Devices.Cpu(threads: 1);
        string text = File.ReadAllText(Repository.Golden("ops", "lr_schedules.json"))
            .Replace("0.998458666866564,", "0.998458666868564,", StringComparison.Ordinal)
            .Replace("\"polynomial\"", "\"parabola\"", StringComparison.Ordinal);
        File.WriteAllText(scratch.Path("ops", "lr_schedules.json"), text);
        GoldenResult[] results = [.. new LearningRateCheck().Run(new GoldenContext(scratch.Root, device), Golden)];
        Assert.Equal(["cosine", "parabola"], results.Where(result => !result.Passed).Select(result => result.Case));
    }

    [Theory]
    [InlineData(LearningRateShape.Constant, 0, 1)]
    [InlineData(LearningRateShape.ConstantWithWarmup, 0, 1)]
    [InlineData(LearningRateShape.Linear, 50, 0.5)]
    [InlineData(LearningRateShape.Cosine, 50, 0.5)]
    [InlineData(LearningRateShape.Cosine, 100, 0)]
    public void Without_a_warmup_the_first_step_is_at_the_top(LearningRateShape shape, long step, double expected)
    {
        LearningRateSchedule schedule = new() { Shape = shape, BaseRate = 2e-4, TotalSteps = 100 };
        Assert.Equal(2e-4, schedule.Rate(0), 1e-18);
        Assert.Equal(2e-4 * expected, schedule.Rate(step), 1e-18);
        Assert.Throws<ArgumentOutOfRangeException>(() => schedule.Rate(-1));
    }
}
