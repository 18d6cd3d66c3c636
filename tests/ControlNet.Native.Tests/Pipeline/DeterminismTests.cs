using System;
using ControlNet.Native.Control;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Equal requests give equal bytes, whatever happened before and however many threads compute.</summary>
public sealed class DeterminismTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _net;

    public DeterminismTests()
    {
        _model = TinyPipeline.Load(_device);
        _net = TinyPipeline.LoadNet(_device);
    }

    public void Dispose()
    {
        _net.Dispose();
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    private ImageRequest Controlled => TinyPipeline.Request with
    {
        Controls = [new ControlInput { Net = _net, Image = TinyPipeline.Hint(40, 24) }],
    };

    [Fact]
    public void Twice_the_same_request() =>
        TinyPipeline.AssertSame(_model.Generate(Controlled), _model.Generate(Controlled));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void Any_number_of_threads(int threads)
    {
        GeneratedImage expected = _model.Generate(Controlled);
        using Device device = Devices.Cpu(threads);
        using StableDiffusion model = TinyPipeline.Load(device);
        using ControlNetModel net = TinyPipeline.LoadNet(device);
        ControlInput control = new() { Net = net, Image = TinyPipeline.Hint(40, 24) };
        TinyPipeline.AssertSame(expected, model.Generate(TinyPipeline.Request with { Controls = [control] }));
    }

    [Fact]
    public void Other_work_in_between()
    {
        GeneratedImage expected = _model.Generate(TinyPipeline.Request);
        _ = _model.Generate(
            Controlled with { Width = 64, Height = 16, Seed = 99, Sampler = SamplerKind.UniPc, ClipSkip = 2 });
        _ = _model.Generate(
            TinyPipeline.Request with { Prompt = "a bicycle", GuidanceScale = 1, Sampler = SamplerKind.Pndm });
        using (StableDiffusion other = TinyPipeline.Load(_device, TinyPipeline.Sd2))
        {
            _ = other.Generate(TinyPipeline.Request);
        }

        _device.Trim();
        TinyPipeline.AssertSame(expected, _model.Generate(TinyPipeline.Request));
    }

    [Fact]
    public void After_a_failed_generation()
    {
        GeneratedImage expected = _model.Generate(Controlled);
        long blocks = _device.BlocksInUse, bytes = _device.BytesInUse;
        for (int draw = 1; draw <= 3; draw++)
        {
            int fatal = draw;
            NoiseThat noise = new(asked =>
            {
                if (asked == fatal)
                {
                    throw new InvalidTimeZoneException("the source has run dry");
                }
            });
            Assert.Throws<InvalidTimeZoneException>(() => _model.Generate(Controlled with { NoiseSource = noise }));
            Reports<GenerationProgress> reports = new(_ => throw new InvalidTimeZoneException("the window was closed"));
            Assert.Throws<InvalidTimeZoneException>(() => _model.Generate(Controlled, reports));
            Assert.Equal((blocks, bytes), (_device.BlocksInUse, _device.BytesInUse));
        }

        TinyPipeline.AssertSame(expected, _model.Generate(Controlled));
    }

    [Fact]
    public void Another_seed_or_word_gives_another_image()
    {
        GeneratedImage image = _model.Generate(TinyPipeline.Request);
        TinyPipeline.AssertDifferent(image, _model.Generate(TinyPipeline.Request with { Seed = 12 }));
        TinyPipeline.AssertDifferent(image, _model.Generate(TinyPipeline.Request with { Seed = -11 }));
        TinyPipeline.AssertDifferent(image, _model.Generate(TinyPipeline.Request with { Prompt = "a red bicycle" }));
        TinyPipeline.AssertDifferent(image, _model.Generate(TinyPipeline.Request with { NegativePrompt = "a cat" }));
    }

    [Fact]
    public void Each_generator_has_images_of_its_own()
    {
        ImageRequest cuda = TinyPipeline.Request with { NoiseGenerator = NoiseGenerator.TorchCuda };
        GeneratedImage image = _model.Generate(cuda);
        TinyPipeline.AssertSame(image, _model.Generate(cuda));
        TinyPipeline.AssertDifferent(image, _model.Generate(TinyPipeline.Request));
    }

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(-1L)]
    [InlineData(0x1_0000_0000L)]
    [InlineData(long.MaxValue)]
    public void Every_seed_is_a_seed(long seed)
    {
        foreach (NoiseGenerator generator in Enum.GetValues<NoiseGenerator>())
        {
            ImageRequest request = TinyPipeline.Request with { Seed = seed, NoiseGenerator = generator, Steps = 1 };
            TinyPipeline.AssertSame(_model.Generate(request), _model.Generate(request));
        }
    }

    [Fact]
    public void Given_latents_replace_those_of_the_seed()
    {
        // Without noise in the steps, the latents of the generator given by hand are the seed's image.
        ImageRequest request = TinyPipeline.Request with { Sampler = SamplerKind.Ddim };
        float[] noise = new float[4 * 5 * 3];
        new TorchCpuNoise(11).FillNormal(noise);
        GeneratedImage image = _model.Generate(request);
        TinyPipeline.AssertSame(image, _model.Generate(request with { InitialLatents = noise, Seed = 5 }));
        TinyPipeline.AssertSame(image, _model.Generate(request with { NoiseSource = new TorchCpuNoise(11), Seed = 5 }));
    }
}
