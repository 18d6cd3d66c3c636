using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>The second pass at a larger size.</summary>
public sealed class HiresTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;

    public HiresTests() => _model = TinyPipeline.Load(_device);

    public void Dispose()
    {
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    private static ImageRequest Request => TinyPipeline.Request with { HiresPass = new HiresPass { Strength = 1 } };

    [Theory]
    [InlineData(HiresUpscaler.Image)]
    [InlineData(HiresUpscaler.Latent)]
    [InlineData(HiresUpscaler.LatentNearest)]
    public void Sizes_and_progress(HiresUpscaler upscaler)
    {
        List<GenerationProgress> reports = [];
        HiresPass pass = new() { Upscaler = upscaler, Strength = 0.5, Steps = 4, Scale = 1.7 };
        List<int> latents = [];
        GeneratedImage image = _model.Generate(
            Request with { HiresPass = pass },
            new Reports<GenerationProgress>(report =>
            {
                reports.Add(report);
                latents.Add(report.CopyLatents().Length);
            }));
        Assert.Equal((64, 40), (image.Image.Width, image.Image.Height)); // 68 and 40.8, down to multiples of 8
        Assert.Equal(Enumerable.Range(1, 5), reports.Select(report => report.Completed));
        Assert.All(reports, report => Assert.Equal(5, report.Total));
        Assert.Equal([60, 60, 60, 160, 160], latents);
        GeneratedImage sized = _model.Generate(
            Request with { HiresPass = pass with { Scale = 1, Width = 64, Height = 40 } });
        TinyPipeline.AssertSame(image, sized);
    }

    [Fact]
    public void The_three_ways_of_enlarging_differ_and_each_repeats()
    {
        GeneratedImage[] images =
        [
            .. Enum.GetValues<HiresUpscaler>().Select(upscaler => _model.Generate(
                Request with { HiresPass = new HiresPass { Upscaler = upscaler, Strength = 0.4 } })),
        ];
        TinyPipeline.AssertDifferent(images[0], images[1]);
        TinyPipeline.AssertDifferent(images[1], images[2]);
        TinyPipeline.AssertDifferent(images[0], images[2]);
        TinyPipeline.AssertSame(
            images[0], _model.Generate(Request with { HiresPass = new HiresPass { Strength = 0.4 } }));
    }

    [Fact]
    public void The_second_pass_is_image_to_image_of_the_first()
    {
        // Without noise in steps and encoder both ways are the same arithmetic.
        ImageRequest plain = Request with
        {
            Sampler = SamplerKind.Ddim,
            HiresPass = null,
            NoiseSource = new NoiseThat(_ => { }),
            InitialLatents = Enumerable.Range(0, 60).Select(i => MathF.Sin(i * i)).ToArray(),
        };
        GeneratedImage first = _model.Generate(plain);
        GeneratedImage second = _model.Generate(plain with
        {
            InitialLatents = null,
            InitialImage = first.Image,
            Width = 80,
            Height = 48,
            Strength = 0.7,
        });
        TinyPipeline.AssertSame(second, _model.Generate(plain with { HiresPass = new HiresPass { Strength = 0.7 } }));
    }

    [Fact]
    public void Controls_act_in_both_passes()
    {
        using ControlNetModel net = TinyPipeline.LoadNet(_device);
        ControlInput late = new() { Net = net, Image = TinyPipeline.Hint(40, 24), Start = 0.6 };
        ImageRequest request = Request with { HiresPass = new HiresPass { Strength = 0.7 }, Controls = [late] };
        List<float[]> with = Latents(request), without = Latents(request with { Controls = [] });

        // Three calls, then two: the window takes in the last of each pass.
        Assert.Equal(without[1], with[1]);
        Assert.NotEqual(without[2], with[2]);
        Assert.NotEqual(without[4], with[4]);
    }

    [Fact]
    public void The_estimate_is_what_it_takes()
    {
        ImageRequest request = Request with
        {
            Width = 96,
            Height = 64,
            HiresPass = new HiresPass { Steps = 40, Strength = 0.05 },
        };
        MemoryEstimate estimate = _model.EstimateMemory(request);
        Assert.True(estimate.PeakBytes > _model.EstimateMemory(request with { HiresPass = null }).PeakBytes);
        _ = _model.Generate(request);
        Assert.InRange(
            _device.PeakBytesInUse, estimate.PeakBytesInUse * 9 / 10, estimate.PeakBytesInUse * 11 / 10);
    }

    [Fact]
    public void The_parameters_tell_it()
    {
        HiresPass pass = new() { Strength = 0.5, Steps = 4, Upscaler = HiresUpscaler.LatentNearest };
        Assert.Contains(
            "Size: 40x24, Model: sd1-tiny, Denoising strength: 0.5, Hires upscale: 2, Hires steps: 4, " +
            "Hires upscaler: Latent (nearest), RNG: CPU",
            _model.Generate(Request with { HiresPass = pass }).Parameters);
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        Refused(
            new HiresPass { Scale = 9 }, "HiresPass.Scale is 9, but must be from 1 to 8");
        Refused(new HiresPass { Scale = double.NaN }, "HiresPass.Scale is NaN, but must be from 1 to 8");
        Refused(new HiresPass { Width = 44 }, "HiresPass.Width is 44, but must be a multiple of 8; take 40 or 48");
        Refused(
            new HiresPass { Width = 32 },
            "HiresPass.Width is 32, but the first pass has 40 already; take as much or more");
        Refused(new HiresPass { Steps = 0 }, "HiresPass.Steps is 0, but must be from 1 to 1000");
        Refused(new HiresPass { Strength = 2 }, "HiresPass.Strength is 2, but must be from 0 to 1");
        Refused(
            new HiresPass { Strength = 0.2 },
            "HiresPass.Strength is 0.2, which leaves none of 3 steps; raise it, or Steps, until their product is at " +
            "least 1");
        Refused(new HiresPass { Upscaler = (HiresUpscaler)7 }, "HiresPass.Upscaler 7 is not one of its values");
        Refused(
            new HiresPass(),
            "the second pass would have a Width of 8192 pixels, but 4096 are the most; take a smaller " +
            "HiresPass.Scale or set HiresPass.Width",
            Request with { Width = 4096, Steps = 5 });
        Refused(
            new HiresPass(), "HiresPass redoes the whole picture, but Mask keeps a part of it; give one or the other",
            Request with
            {
                InitialImage = TinyPipeline.Hint(40, 24),
                Mask = TinyPipeline.Hint(40, 24),
                Steps = 5,
            });
    }

    private void Refused(HiresPass pass, string message, ImageRequest? request = null)
    {
        int reports = 0;
        RequestException thrown = Assert.Throws<RequestException>(() => _model.Generate(
            (request ?? Request) with { HiresPass = pass }, new Reports<GenerationProgress>(_ => reports++)));
        Assert.Equal((message, 0), (thrown.Message, reports));
    }

    private List<float[]> Latents(ImageRequest request)
    {
        List<float[]> latents = [];
        _ = _model.Generate(request, new Reports<GenerationProgress>(report => latents.Add(report.CopyLatents())));
        return latents;
    }
}
