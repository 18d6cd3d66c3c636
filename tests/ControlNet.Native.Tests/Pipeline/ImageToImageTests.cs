using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Pictures to start from and masks, beyond what the golden pipelines compare.</summary>
public sealed class ImageToImageTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;

    public ImageToImageTests() => _model = TinyPipeline.Load(_device);

    public void Dispose()
    {
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    private static ImageRequest Request => TinyPipeline.Request with
    {
        Width = null,
        Height = null,
        Steps = 5,
        Strength = 0.6,
        InitialImage = TinyPipeline.Hint(72, 104),
    };

    [Theory]
    [InlineData(72, 104)]
    [InlineData(8, 8)]
    [InlineData(8, 120)]
    [InlineData(56, 24)]
    public void Any_multiple_of_8_is_a_size(int width, int height)
    {
        ImageRequest request = Request with { InitialImage = TinyPipeline.Hint(width, height) };
        GeneratedImage image = _model.Generate(request);
        Assert.Equal((width, height), (image.Image.Width, image.Image.Height));
        Assert.All(image.Decoded.ToArray(), value => Assert.True(float.IsFinite(value)));
        RgbImage mask = Mask(width, height, (x, _) => x < width / 2);
        using ControlNetModel net = TinyPipeline.LoadNet(_device);
        GeneratedImage repainted = _model.Generate(request with
        {
            Mask = mask,
            Controls = [new ControlInput { Net = net, Image = TinyPipeline.Hint(20, 20) }],
        });
        Assert.Equal((width, height), (repainted.Image.Width, repainted.Image.Height));
    }

    [Fact]
    public void A_picture_of_another_size_is_stretched()
    {
        RgbImage picture = TinyPipeline.Hint(77, 105);
        ImageRequest request = Request with { InitialImage = picture };
        GeneratedImage image = _model.Generate(request);
        Assert.Equal((72, 104), (image.Image.Width, image.Image.Height));
        TinyPipeline.AssertSame(_model.Generate(request with { InitialImage = picture.Resize(72, 104) }), image);
        Assert.Equal(40, _model.Generate(request with { Width = 40 }).Image.Width);
    }

    [Theory]
    [InlineData(5, 0.6, 3)]
    [InlineData(5, 0.2, 1)]
    [InlineData(5, 1.0, 5)]
    [InlineData(10, 0.7, 7)] // 0.7f would be a little less, and leave 6
    [InlineData(8, null, 6)]
    public void Strength_takes_the_last_of_the_steps(int steps, double? strength, int calls)
    {
        List<GenerationProgress> reports = [];
        ImageRequest request = Request with
        {
            Steps = steps,
            Strength = strength,
            Sampler = SamplerKind.Euler,
            InitialImage = TinyPipeline.Hint(16, 16),
        };
        _ = _model.Generate(request, new Reports<GenerationProgress>(reports.Add));
        Assert.Equal(Enumerable.Range(1, calls), reports.Select(report => report.Completed));
        Assert.All(reports, report => Assert.Equal(calls, report.Total));
        List<double> all = [];
        _ = _model.Generate(
            request with { InitialImage = null, Strength = null, Width = 16, Height = 16 },
            new Reports<GenerationProgress>(report => all.Add(report.Timestep)));
        Assert.Equal(all[^calls..], reports.Select(report => report.Timestep));
    }

    [Theory]
    [InlineData(false, 0.6, 5)] // encoder, latents, three steps
    [InlineData(true, 0.6, 6)]
    [InlineData(true, null, 8)]
    public void Noise_is_drawn_as_in_the_reference(bool masked, double? strength, int draws)
    {
        int asked = 0;
        ImageRequest request = Request with
        {
            Strength = strength,
            Mask = masked ? Mask(72, 104, (x, y) => x > y) : null,
            NoiseSource = new NoiseThat(_ => asked++),
        };
        _ = _model.Generate(request);
        Assert.Equal(draws, asked);
        _ = _model.EstimateMemory(request);
        Assert.Equal(draws, asked);
        asked = 0;
        _ = _model.Generate(request with { InitialLatents = new float[4 * 9 * 13] });
        Assert.Equal(draws - 1, asked);
    }

    [Fact]
    public void Every_sampler_starts_anywhere_and_repaints()
    {
        RgbImage mask = Mask(16, 16, (x, _) => x < 8);
        foreach (SamplerKind sampler in Enum.GetValues<SamplerKind>())
        {
            foreach (double strength in (double[])[0.25, 0.5, 1])
            {
                ImageRequest request = Request with
                {
                    Sampler = sampler,
                    Steps = 4,
                    Strength = strength,
                    InitialImage = TinyPipeline.Hint(16, 16),
                };
                ImageRequest masked = request with { Mask = mask };
                Assert.All(_model.Generate(request).Latents.ToArray(), value => Assert.True(float.IsFinite(value)));

                // The right column of latents is that of the picture at the end, whatever the sampler did.
                float[] one = _model.Generate(masked).Latents.ToArray();
                float[] other = _model.Generate(masked with { Prompt = "a dog" }).Latents.ToArray();
                Assert.Equal(one.Where((_, i) => i % 2 == 1), other.Where((_, i) => i % 2 == 1));
            }
        }
    }

    [Fact]
    public void A_lower_strength_stays_nearer_to_the_picture()
    {
        ImageRequest request = Request with { Steps = 10, InitialImage = TinyPipeline.Hint(64, 64) };
        double[] off = [.. Enumerable.Range(0, 3).Select(i =>
        {
            double strength = 0.1 + (0.45 * i);
            float[] one = _model.Generate(request with { Strength = strength }).Latents.ToArray();
            float[] other = _model.Generate(request with { Strength = 0.1, Seed = 12 }).Latents.ToArray();
            return one.Zip(other).Sum(pair => Math.Pow(pair.First - pair.Second, 2));
        })];
        Assert.True(off[0] < off[1] && off[1] < off[2], string.Join(", ", off));
    }

    [Fact]
    public void What_the_mask_keeps_is_that_of_the_picture()
    {
        RgbImage picture = TinyPipeline.Hint(64, 64), mask = Mask(64, 64, (x, _) => x >= 24);
        ImageRequest request = Request with { InitialImage = picture, Mask = mask, Strength = null };
        GeneratedImage one = _model.Generate(request);
        GeneratedImage other = _model.Generate(request with { Prompt = "a blue dog", Seed = 11, GuidanceScale = 3 });

        // Latents [1, 4, 8, 8]: the first three columns are kept, whatever is painted beside them.
        for (int i = 0; i < one.Latents.Length; i++)
        {
            bool same = one.Latents.Span[i] == other.Latents.Span[i];
            Assert.Equal(i % 8 < 3, same);
        }

        GeneratedImage kept = _model.Generate(request with { KeepUnmasked = true });
        Assert.Equal(one.Decoded.ToArray(), kept.Decoded.ToArray());
        for (int i = 0; i < picture.Pixels.Length; i++)
        {
            RgbImage source = i / 3 % 64 < 24 ? picture : one.Image;
            Assert.Equal(source.Pixels[i], kept.Image.Pixels[i]);
        }
    }

    [Fact]
    public void Equal_requests_give_equal_bytes_on_any_number_of_threads()
    {
        ImageRequest request = Request with { Mask = Mask(72, 104, (x, y) => (x + y) % 40 < 20) };
        GeneratedImage expected = _model.Generate(request);
        foreach (int threads in (int[])[1, 3])
        {
            using Device device = Devices.Cpu(threads);
            using StableDiffusion model = TinyPipeline.Load(device);
            TinyPipeline.AssertSame(expected, model.Generate(request));
            TinyPipeline.AssertSame(expected, model.Generate(request));
        }
    }

    [Fact]
    public void The_estimate_is_what_it_takes()
    {
        using ControlNetModel net = TinyPipeline.LoadNet(_device);
        ImageRequest request = Request with
        {
            InitialImage = TinyPipeline.Hint(192, 128),
            Mask = Mask(192, 128, (x, _) => x > 40),
            Strength = 0.2,
            Controls = [new ControlInput { Net = net, Image = TinyPipeline.Hint(50, 40) }],
        };
        MemoryEstimate estimate = _model.EstimateMemory(request);
        _ = _model.Generate(request);
        Assert.InRange(
            _device.PeakBytesInUse, estimate.PeakBytesInUse * 9 / 10, estimate.PeakBytesInUse * 11 / 10);
    }

    [Fact]
    public void The_parameters_tell_the_strength()
    {
        Assert.Contains(", Denoising strength: 0.6, RNG: ", _model.Generate(Request).Parameters);
        ImageRequest masked = Request with { Mask = Mask(72, 104, (_, _) => true), Strength = null };
        Assert.Contains(", Denoising strength: 1, Mask blur: 0, ", _model.Generate(masked).Parameters);
    }

    internal static RgbImage Mask(int width, int height, Func<int, int, bool> white)
    {
        byte[] rgb = new byte[3 * width * height];
        for (int i = 0; i < rgb.Length; i++)
        {
            rgb[i] = white(i / 3 % width, i / 3 / width) ? (byte)255 : (byte)0;
        }

        return new RgbImage(width, height, rgb);
    }
}
