using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Lists of steps in a request, and what guidance rescale does.</summary>
public sealed class SamplingTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;

    public SamplingTests() => _model = TinyPipeline.Load(_device);

    private static ImageRequest Request => TinyPipeline.Request;

    public void Dispose()
    {
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    [Fact]
    public void Listed_timesteps_are_visited_and_told()
    {
        ImageRequest request = Request with { Timesteps = [999, 700.5, 12], Steps = 50 };
        List<double> visited = [];
        GeneratedImage image = _model.Generate(
            request, new Reports<GenerationProgress>(progress => visited.Add(progress.Timestep)));
        Assert.Equal(request.Timesteps, visited);
        Assert.Contains("Steps: 3, Sampler: euler_a", image.Parameters, StringComparison.Ordinal);
        Assert.Contains(", Timesteps: 999 700.5 12, ", image.Parameters, StringComparison.Ordinal);
        Assert.True(_model.EstimateMemory(request).PeakBytes > 0);
    }

    [Fact]
    public void Listed_levels_are_visited_and_told()
    {
        ImageRequest request = Request with { Sigmas = [14.5, 3, 0.5, 0], Sampler = SamplerKind.DpmPlusPlus2M };
        List<double> visited = [];
        GeneratedImage image = _model.Generate(
            request, new Reports<GenerationProgress>(progress => visited.Add(progress.Timestep)));
        Assert.Equal(3, visited.Count);
        Assert.Contains(", Sigmas: 14.5 3 0.5 0, ", image.Parameters, StringComparison.Ordinal);

        SchedulerConfig config = _model.Scheduler.With(SamplerKind.DpmPlusPlus2M) with { Sigmas = request.Sigmas };
        TinyPipeline.AssertSame(
            image, _model.Generate(request with { Sampler = null, Sigmas = null, Scheduler = config }));
    }

    [Fact]
    public void A_list_replaces_the_spacing_of_the_model()
    {
        SchedulerConfig karras = _model.Scheduler.With(SamplerKind.Euler, SigmaSchedule.Karras);
        ImageRequest listed = Request with { Timesteps = [999, 500, 12], Sampler = null };
        TinyPipeline.AssertSame(
            _model.Generate(listed with { Sampler = SamplerKind.Euler }),
            _model.Generate(listed with { Scheduler = karras }));
    }

    [Fact]
    public void Lists_that_contradict_the_request()
    {
        SchedulerConfig own = _model.Scheduler.With(SamplerKind.Euler) with { Timesteps = [9] };
        AssertRefused(
            Request with { Timesteps = [9], Sampler = null, Scheduler = own },
            "Timesteps and Scheduler both list the steps; give one or the other");
        AssertRefused(
            Request with { Sigmas = [9, 0], SigmaSchedule = SigmaSchedule.Karras },
            "Sigmas replaces SigmaSchedule; give one or the other");
        AssertRefused(
            Request with { Timesteps = [] }, "Timesteps makes 0 steps, but must make from 1 to 1000");
        AssertRefused(
            Request with { Sigmas = [.. Enumerable.Range(0, 1002).Select(i => 1002.0 - i)] },
            "Sigmas makes 1001 steps, but must make from 1 to 1000");
        AssertRefused(
            Request with { Timesteps = [9, 10] },
            "Timesteps[1] is 10 after 9, but each must be less than the one before");
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(-0.5f)]
    [InlineData(1.5f)]
    public void A_share_that_is_none(float share) => AssertRefused(
        Request with { GuidanceRescale = share },
        FormattableString.Invariant($"GuidanceRescale is {share}, but must be from 0 to 1"));

    [Fact]
    public void Without_guidance_there_is_nothing_to_rescale()
    {
        ImageRequest alone = Request with { GuidanceScale = 1 };
        TinyPipeline.AssertSame(_model.Generate(alone), _model.Generate(alone with { GuidanceRescale = 0.7f }));
        GeneratedImage rescaled = _model.Generate(Request with { GuidanceRescale = 0.7f });
        TinyPipeline.AssertDifferent(_model.Generate(Request), rescaled);
        Assert.Contains(", Guidance rescale: 0.7, ", rescaled.Parameters, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_sample_takes_the_deviation_of_its_own_condition()
    {
        using TensorScope scope = TensorScope.Enter();
        Shape shape = new(3, 1, 2, 2);
        Tensor guided = Tensor.From(_device, shape, [1f, 3, 5, 7, -4, 4, -4, 4, 2, 2, 2, 2]);
        Tensor condition = Tensor.From(_device, shape, [1f, 2, 3, 4, 8, -8, 8, -8, 1, 2, 3, 4]);

        // Deviations are in the ratios 1 : 2 and 2 : 1; the third guided sample has none.
        float[] half = GuidanceRescale.Apply(guided, condition, 0.5f).ToArray();
        Assert.Equal([0.75f, 2.25f, 3.75f, 5.25f, -6, 6, -6, 6, 2, 2, 2, 2], half);
        Assert.Same(guided, GuidanceRescale.Apply(guided, condition, 0));
    }

    private void AssertRefused(ImageRequest request, string message) =>
        Assert.Equal(message, Assert.Throws<RequestException>(() => _model.Generate(request)).Message);
}
