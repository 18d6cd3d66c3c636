using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>What cannot be fulfilled is refused in one sentence before anything is computed.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _net;

    public RefusalTests()
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

    private static ImageRequest Request => TinyPipeline.Request;

    [Theory]
    [InlineData(44, "Width is 44, but must be a multiple of 8; take 40 or 48")]
    [InlineData(4095, "Width is 4095, but must be a multiple of 8; take 4088 or 4096")]
    [InlineData(0, "Width is 0, but must be from 8 to 4096")]
    [InlineData(7, "Width is 7, but must be from 8 to 4096")]
    [InlineData(4104, "Width is 4104, but must be from 8 to 4096")]
    [InlineData(int.MinValue, "Width is -2147483648, but must be from 8 to 4096")]
    public void Sizes(int size, string message)
    {
        AssertRefused(Request with { Width = size }, message);
        AssertRefused(Request with { Height = size }, message.Replace("Width", "Height", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0, "Steps is 0, but must be from 1 to 1000")]
    [InlineData(1001, "Steps is 1001, but must be from 1 to 1000")]
    public void Steps(int steps, string message) => AssertRefused(Request with { Steps = steps }, message);

    [Theory]
    [InlineData(float.NaN, "GuidanceScale is NaN, but must be from 0 to 100")]
    [InlineData(-0.5f, "GuidanceScale is -0.5, but must be from 0 to 100")]
    [InlineData(100.5f, "GuidanceScale is 100.5, but must be from 0 to 100")]
    [InlineData(float.PositiveInfinity, "GuidanceScale is Infinity, but must be from 0 to 100")]
    public void Guidance(float scale, string message) => AssertRefused(Request with { GuidanceScale = scale }, message);

    [Theory]
    [InlineData(float.NaN, "Eta is NaN, but must be from 0 to 1")]
    [InlineData(1.5f, "Eta is 1.5, but must be from 0 to 1")]
    public void Eta(float eta, string message) => AssertRefused(Request with { Eta = eta }, message);

    [Theory]
    [InlineData(float.NaN, "Controls[0].Scale is NaN, but must be from 0 to 2")]
    [InlineData(-1f, "Controls[0].Scale is -1, but must be from 0 to 2")]
    [InlineData(2.5f, "Controls[0].Scale is 2.5, but must be from 0 to 2")]
    public void Control_scale(float scale, string message) => AssertRefused(
        Request with { Controls = [HintFor(_net) with { Scale = scale }] }, message);

    [Theory]
    [InlineData(-0.1, 1, "Controls[1].Start is -0.1, but must be from 0 to 1")]
    [InlineData(double.NaN, 1, "Controls[1].Start is NaN, but must be from 0 to 1")]
    [InlineData(0, 1.5, "Controls[1].End is 1.5, but must be from 0 to 1")]
    [InlineData(0.6, 0.4, "Controls[1].Start is 0.6, but must be less than End, 0.4")]
    [InlineData(0, 0, "Controls[1].Start is 0, but must be less than End, 0")]
    public void Control_window(double start, double end, string message) => AssertRefused(
        Request with { Controls = [HintFor(_net), HintFor(_net) with { Start = start, End = end }] }, message);

    [Fact]
    public void Clip_skip()
    {
        AssertRefused(Request with { ClipSkip = 0 }, "ClipSkip is 0, but must be from 1 to 12");
        AssertRefused(Request with { NegativeClipSkip = 13 }, "NegativeClipSkip is 13, but must be from 1 to 12");
        AssertRefused(
            Request with { ClipSkip = 5 }, "ClipSkip is 5, but the text encoder has 4 layers; take a smaller one");
        AssertRefused(
            Request with { NegativeClipSkip = 5 },
            "ClipSkip is 5, but the text encoder has 4 layers; take a smaller one");
    }

    [Fact]
    public void Latents_of_another_size()
    {
        AssertRefused(
            Request with { InitialLatents = new float[61] },
            "InitialLatents has 61 values, but 40 x 24 pixels need 60: [1, 4, 3, 5]");
        AssertRefused(
            Request with { InitialLatents = ReadOnlyMemory<float>.Empty },
            "InitialLatents has 0 values, but 40 x 24 pixels need 60: [1, 4, 3, 5]");
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "Infinity")]
    [InlineData(float.NegativeInfinity, "-Infinity")]
    public void Latents_that_are_no_numbers(float value, string name)
    {
        float[] latents = new float[60];
        latents[59] = value;
        AssertRefused(
            Request with { InitialLatents = latents },
            $"InitialLatents[59] is {name}, but must be a finite number; give unit normal noise");
    }

    [Fact]
    public void A_sampler_without_that_schedule()
    {
        AssertRefused(
            Request with { Sampler = SamplerKind.Ddim, SigmaSchedule = SigmaSchedule.Karras },
            "sampler ddim has no karras schedule; take 'normal' or another sampler");
        AssertRefused(
            Request with { Sampler = null, SigmaSchedule = SigmaSchedule.Exponential },
            "sampler pndm has no exponential schedule; take 'normal' or another sampler");
        AssertRefused(
            Request with { Sampler = SamplerKind.UniPc, SigmaSchedule = SigmaSchedule.Lu },
            "sampler unipc has no lu schedule; take 'normal' or another sampler");
    }

    [Fact]
    public void Values_that_are_no_names()
    {
        AssertRefused(Request with { Sampler = (SamplerKind)99 }, "Sampler 99 is not one of its values");
        AssertRefused(
            Request with { SigmaSchedule = (SigmaSchedule)(-1) }, "SigmaSchedule -1 is not one of its values");
        AssertRefused(Request with { NoiseGenerator = (NoiseGenerator)7 }, "NoiseGenerator 7 is not one of its values");
        AssertRefused(
            Request with { Controls = [HintFor(_net) with { Mode = (ControlMode)4 }] },
            "Controls[0].Mode 4 is not one of its values");
    }

    [Fact]
    public void A_scheduler_beside_what_it_replaces()
    {
        const string message = "Scheduler replaces Sampler, SigmaSchedule and Eta; give one or the other";
        ImageRequest request = Request with { Sampler = null, Scheduler = SchedulerConfig.StableDiffusion15 };
        AssertRefused(request with { Sampler = SamplerKind.Ddim }, message);
        AssertRefused(request with { SigmaSchedule = SigmaSchedule.Normal }, message);
        AssertRefused(request with { Eta = 0.5f }, message);
        TinyPipeline.AssertSame(_model.Generate(Request with { Sampler = null }), _model.Generate(request));
    }

    [Fact]
    public void Steps_a_sampler_does_not_have() => AssertRefused(
        Request with
        {
            Sampler = null,
            Scheduler = new SchedulerConfig { Kind = SamplerKind.Ddim, TrainTimesteps = 100 },
            Steps = 101,
        },
        "steps is 101, but must be from 1 to the 100 timesteps of training");

    [Fact]
    public void A_ControlNet_of_another_base()
    {
        using StableDiffusion model = TinyPipeline.Load(_device, TinyPipeline.Sd2);
        ControlInput control = new() { Net = _net, Image = TinyPipeline.Hint(40, 24), Scale = 0 };
        const string message =
            "the ControlNet controlnet-tiny-canny is made for another base model: its text states are 24 wide and " +
            "its blocks 8-16-16-16, those of sd2-tiny are 32 and 8-8-16-16; take the ControlNet made for this base";
        AssertRefused(model, Request with { Controls = [control] }, message);
        AssertRefused(model, Request with { Controls = [control with { Scale = 1 }] }, message);
    }

    [Fact]
    public void An_inpainting_model_without_an_image()
    {
        using ScratchFolder folder = new();
        folder.CopyGolden("models/sd1-tiny");
        string path = Path.Combine(folder.Root, "models", "sd1-tiny");
        foreach (string file in (string[])["config.json", "diffusion_pytorch_model.safetensors"])
        {
            string from = TinyPipeline.ModelPath("sd1-tiny-inpaint-unet", "unet", file);
            File.Copy(from, Path.Combine(path, "unet", file), overwrite: true);
        }

        using StableDiffusion model = StableDiffusion.Load(path, _device);
        long blocks = _device.BlocksInUse;
        RequestException thrown = Assert.Throws<RequestException>(() => model.Generate(Request));
        Assert.Equal(
            "the UNet of sd1-tiny takes 9 channels, latents have 4: it is an inpainting model, which needs an image " +
            "and a mask; set InitialImage and Mask, or take an ordinary model",
            thrown.Message);
        Assert.Equal(blocks, _device.BlocksInUse);
    }

    [Fact]
    public void A_hint_that_gives_no_size()
    {
        ImageRequest request = Request with { Width = null };
        AssertRefused(
            request with { Controls = [new ControlInput { Net = _net, Image = TinyPipeline.Hint(7, 24) }] },
            "the control image is 7 x 24 pixels, which gives no usable Width; set Width to a multiple of 8");
        AssertRefused(
            request with { Controls = [new ControlInput { Net = _net, Image = TinyPipeline.Hint(4104, 1) }] },
            "the control image is 4104 x 1 pixels, which gives no usable Width; set Width to a multiple of 8");
    }

    [Fact]
    public void Nothing_at_all()
    {
        Assert.Equal("request", Assert.Throws<ArgumentNullException>(() => _model.Generate(null!)).ParamName);
        Assert.Throws<ArgumentNullException>(() => _model.Generate(Request with { Prompt = null! }));
        Assert.Throws<ArgumentNullException>(() => _model.Generate(Request with { NegativePrompt = null! }));
        Assert.Throws<ArgumentNullException>(() => _model.Generate(Request with { Controls = null! }));
        Assert.Throws<ArgumentNullException>(() => _model.Generate(Request with { Controls = [null!] }));
        Assert.Throws<ArgumentNullException>(
            () => _model.Generate(Request with { Controls = [HintFor(null!)] }));
        Assert.Throws<ArgumentNullException>(
            () => _model.Generate(Request with { Controls = [HintFor(_net) with { Image = null! }] }));
    }

    [Fact]
    public void What_is_disposed_or_lives_elsewhere()
    {
        long blocks = _device.BlocksInUse;
        StableDiffusion model = TinyPipeline.Load(_device);
        model.Dispose();
        model.Dispose();
        ObjectDisposedException thrown = Assert.Throws<ObjectDisposedException>(() => model.Generate(Request));
        Assert.Equal(typeof(StableDiffusion).FullName, thrown.ObjectName);

        ControlNetModel net = TinyPipeline.LoadNet(_device);
        net.Dispose();
        ImageRequest disposed = Request with { Controls = [HintFor(net)] };
        Assert.Throws<ObjectDisposedException>(() => _model.Generate(disposed));
        Assert.Equal(blocks, _device.BlocksInUse);

        using Device elsewhere = Devices.Cpu(1);
        using ControlNetModel foreign = TinyPipeline.LoadNet(elsewhere);
        long foreignBlocks = elsewhere.BlocksInUse;
        ImageRequest mixed = Request with { Controls = [HintFor(foreign)] };
        Assert.Equal(
            "the ControlNet controlnet-tiny-canny was loaded on another device (cpu) than sd1-tiny (cpu); load both " +
            "with one Device",
            Assert.Throws<RequestException>(() => _model.Generate(mixed)).Message);
        Assert.Equal((blocks, foreignBlocks), (_device.BlocksInUse, elsewhere.BlocksInUse));
        _ = _model.Generate(Request);
    }

    [Theory]
    [InlineData("cat\0\u0001\uffff")]
    [InlineData("\ud800 cat \udc00")]
    [InlineData("<|endoftext|> cat <|startoftext|>")]
    [InlineData("((cat:1.2]")]
    public void Odd_prompts_are_prompts(string prompt)
    {
        long blocks = _device.BlocksInUse;
        _ = _model.Generate(Request with { Prompt = prompt, NegativePrompt = prompt, Steps = 1 });
        Assert.Equal(blocks, _device.BlocksInUse);
    }

    private static ControlInput HintFor(ControlNetModel net) => new() { Net = net, Image = TinyPipeline.Hint(40, 24) };

    private void AssertRefused(ImageRequest request, string message) => AssertRefused(_model, request, message);

    private void AssertRefused(StableDiffusion model, ImageRequest request, string message)
    {
        (long blocks, long bytes, int reports) = (_device.BlocksInUse, _device.BytesInUse, 0);
        RequestException thrown = Assert.Throws<RequestException>(
            () => model.Generate(request, new Reports<GenerationProgress>(_ => reports++)));
        Assert.Equal(message, thrown.Message);
        Assert.Equal((blocks, bytes, 0), (_device.BlocksInUse, _device.BytesInUse, reports));
        Assert.Equal(40, model.Generate(Request with { Steps = 1 }).Image.Width);
    }
}
