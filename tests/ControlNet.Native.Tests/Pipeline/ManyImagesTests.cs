using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Several images of one request are those of their seeds, wherever they stand.</summary>
public sealed class ManyImagesTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;

    public ManyImagesTests() => _model = TinyPipeline.Load(_device);

    public void Dispose()
    {
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    private static ImageRequest Request => TinyPipeline.Request;

    [Fact]
    public void Each_is_that_of_its_seed_in_any_position_and_on_any_number_of_threads()
    {
        using ControlNetModel net = TinyPipeline.LoadNet(_device);
        ControlInput control = new() { Net = net, Image = TinyPipeline.Hint(40, 24) };
        ImageRequest request = Request with { Controls = [control] };
        GeneratedImage[] images = [.. _model.GenerateMany(request, 3)];
        GeneratedImage[] shifted = [.. _model.GenerateMany(request with { Seed = 12 }, 3)];
        Assert.Equal(3, images.Length);
        TinyPipeline.AssertSame(images[1], shifted[0]);
        TinyPipeline.AssertSame(images[2], shifted[1]);
        TinyPipeline.AssertDifferent(images[0], images[1]);
        for (int i = 0; i < images.Length; i++)
        {
            TinyPipeline.AssertSame(_model.Generate(request with { Seed = 11 + i }), images[i]);
            Assert.Contains($"Seed: {11 + i}, ", images[i].Parameters);
        }

        foreach (int threads in (int[])[1, 3])
        {
            using Device device = Devices.Cpu(threads);
            using StableDiffusion model = TinyPipeline.Load(device);
            using ControlNetModel other = TinyPipeline.LoadNet(device);
            GeneratedImage[] again =
                [.. model.GenerateMany(request with { Controls = [control with { Net = other }] }, 3)];
            Assert.Equal(3, images.Zip(again).Count(pair =>
            {
                TinyPipeline.AssertSame(pair.First, pair.Second);
                return true;
            }));
        }
    }

    [Fact]
    public void Each_is_made_when_it_is_asked_for()
    {
        List<GenerationProgress> reports = [];
        IEnumerable<GeneratedImage> images =
            _model.GenerateMany(Request, 3, new Reports<GenerationProgress>(reports.Add));
        Assert.Empty(reports);
        _ = images.First();
        Assert.Equal(3, reports.Count);
        reports.Clear();
        Assert.Equal(3, images.Count());
        Assert.Equal(Enumerable.Range(1, 9), reports.Select(report => report.Completed));
        Assert.All(reports, report => Assert.Equal(9, report.Total));
    }

    [Fact]
    public void A_noise_source_goes_on()
    {
        int asked = 0;
        Assert.Equal(
            2, _model.GenerateMany(Request with { NoiseSource = new NoiseThat(_ => asked++) }, 2).Count());
        Assert.Equal(2 * 4, asked);
    }

    [Fact]
    public void The_last_seed_is_followed_by_the_first()
    {
        GeneratedImage[] images = [.. _model.GenerateMany(Request with { Seed = long.MaxValue }, 2)];
        TinyPipeline.AssertSame(_model.Generate(Request with { Seed = long.MinValue }), images[1]);
    }

    [Fact]
    public void What_cannot_be_is_refused_before_the_first()
    {
        Refused(Request, 0, "count is 0, but must be from 1 to 10000");
        Refused(Request, 10001, "count is 10001, but must be from 1 to 10000");
        Refused(Request with { Steps = 0 }, 2, "Steps is 0, but must be from 1 to 1000");
        Refused(
            Request with { InitialLatents = new float[60] }, 2,
            "InitialLatents are those of one image, but 2 are asked for; leave them out, or ask for one");
        _ = Assert.Single(_model.GenerateMany(Request with { InitialLatents = new float[60] }, 1));
        Assert.Throws<ArgumentNullException>(() => _model.GenerateMany(null!, 1));
    }

    [Fact]
    public void Cancelling_ends_it_and_leaves_what_was_made()
    {
        using CancellationTokenSource source = new();
        List<GeneratedImage> made = [];
        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            foreach (GeneratedImage image in _model.GenerateMany(Request, 3, cancellation: source.Token))
            {
                made.Add(image);
                source.Cancel();
            }
        });
        TinyPipeline.AssertSame(_model.Generate(Request), Assert.Single(made));
    }

    private void Refused(ImageRequest request, int count, string message) => Assert.Equal(
        message, Assert.Throws<RequestException>(() => _model.GenerateMany(request, count)).Message);
}
