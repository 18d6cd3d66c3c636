using System;
using System.Collections.Generic;
using System.IO;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Pictures, masks and strengths that do not fit are refused in one sentence.</summary>
public sealed class ImageRefusalTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;

    public ImageRefusalTests() => _model = TinyPipeline.Load(_device);

    public void Dispose()
    {
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    private static ImageRequest Request => TinyPipeline.Request with { InitialImage = TinyPipeline.Hint(40, 24) };

    [Theory]
    [InlineData(-0.1, "Strength is -0.1, but must be from 0 to 1")]
    [InlineData(1.01, "Strength is 1.01, but must be from 0 to 1")]
    [InlineData(double.NaN, "Strength is NaN, but must be from 0 to 1")]
    [InlineData(
        0, "Strength is 0, which leaves none of 3 steps; raise it, or Steps, until their product is at least 1")]
    [InlineData(
        0.3, "Strength is 0.3, which leaves none of 3 steps; raise it, or Steps, until their product is at least 1")]
    public void Strengths(double strength, string message) => Refused(Request with { Strength = strength }, message);

    [Fact]
    public void What_needs_something_else()
    {
        ImageRequest none = TinyPipeline.Request;
        Refused(none with { Strength = 0.5 }, "Strength is given without InitialImage; give both or neither");
        Refused(
            none with { Mask = TinyPipeline.Hint(8, 8) }, "Mask is given without InitialImage; give both or neither");
        Refused(Request with { KeepUnmasked = true }, "KeepUnmasked is given without Mask; give both or neither");
    }

    [Fact]
    public void A_mask_that_marks_nothing()
    {
        const string message =
            "Mask marks nothing to repaint at 40 x 24 pixels; paint white what is to be repainted, at least 8 x 8 " +
            "pixels of it";
        Refused(Request with { Mask = new RgbImage(40, 24, new byte[40 * 24 * 3]) }, message);
        RgbImage speck = ImageToImageTests.Mask(40, 24, (x, y) => x is > 8 and < 16 && y is > 8 and < 16);
        Refused(Request with { Mask = speck }, message);
    }

    [Fact]
    public void A_picture_that_gives_no_size() => Refused(
        Request with { InitialImage = TinyPipeline.Hint(7, 24), Width = null },
        "the initial image is 7 x 24 pixels, which gives no usable Width; set Width to a multiple of 8");

    [Fact]
    public void An_inpainting_model_without_a_mask()
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
        Assert.Equal(
            "the UNet of sd1-tiny takes 9 channels, latents have 4: it is an inpainting model, which needs an image " +
            "and a mask; set InitialImage and Mask, or take an ordinary model",
            Assert.Throws<RequestException>(() => model.Generate(Request)).Message);

        // With both it works, and what the mask leaves alone is shown to it, not put back.
        List<int> completed = [];
        RgbImage mask = ImageToImageTests.Mask(40, 24, (x, _) => x >= 16);
        ImageRequest request = Request with { Mask = mask };
        _ = model.Generate(request, new Reports<GenerationProgress>(report => completed.Add(report.Completed)));
        Assert.Equal([1, 2, 3], completed);
        TinyPipeline.AssertSame(model.Generate(request), model.Generate(request));

        // A control network copied from such a UNet would read what it is not given.
        using ControlNetModel net = ControlNetTrainer.FromUnet(path, _device);
        ControlInput control = new() { Net = net, Image = TinyPipeline.Hint(40, 24) };
        Assert.EndsWith(
            " reads latents of 9 channels, those of sd1-tiny have 4; take one made for the ordinary model of this base",
            Assert.Throws<RequestException>(() => model.Generate(request with { Controls = [control] })).Message,
            StringComparison.Ordinal);
    }

    private void Refused(ImageRequest request, string message)
    {
        (long blocks, int reports) = (_device.BlocksInUse, 0);
        RequestException thrown = Assert.Throws<RequestException>(
            () => _model.Generate(request, new Reports<GenerationProgress>(_ => reports++)));
        Assert.Equal((message, blocks, 0), (thrown.Message, _device.BlocksInUse, reports));
        Assert.Equal(message, Assert.Throws<RequestException>(() => _model.EstimateMemory(request)).Message);
    }
}
