using System;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>What a control image does to a generation.</summary>
public sealed class ControlTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _net;

    public ControlTests()
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

    [Fact]
    public void At_scale_0_there_is_no_control() =>
        TinyPipeline.AssertSame(_model.Generate(TinyPipeline.Request), Of(TinyPipeline.Hint(40, 24), 0));

    [Fact]
    public void The_scale_and_the_hint_matter()
    {
        GeneratedImage full = Of(TinyPipeline.Hint(40, 24), 1), half = Of(TinyPipeline.Hint(40, 24), 0.5f);
        GeneratedImage none = _model.Generate(TinyPipeline.Request);
        GeneratedImage black = Of(new RgbImage(40, 24, new byte[3 * 40 * 24]), 1);
        TinyPipeline.AssertDifferent(full, none);
        TinyPipeline.AssertDifferent(full, half);
        TinyPipeline.AssertDifferent(half, none);
        TinyPipeline.AssertDifferent(full, black);
        TinyPipeline.AssertDifferent(black, none);
    }

    [Theory]
    [InlineData(80, 48)]
    [InlineData(24, 40)]
    [InlineData(1, 1)]
    [InlineData(40, 23)]
    public void A_hint_of_another_size_is_stretched(int width, int height)
    {
        RgbImage hint = TinyPipeline.Hint(width, height);
        TinyPipeline.AssertSame(Of(hint.Resize(40, 24), 1), Of(hint, 1));
    }

    [Fact]
    public void The_size_is_that_of_the_hint_rounded_down_unless_asked_for()
    {
        int size = _model.NativeSize;
        Assert.Equal((size, size), SizeOf(null, null, null));
        Assert.Equal((size, 16), SizeOf(null, 16, null));
        Assert.Equal((40, 24), SizeOf(null, null, TinyPipeline.Hint(40, 24)));
        Assert.Equal((40, 24), SizeOf(null, null, TinyPipeline.Hint(47, 31)));
        Assert.Equal((40, 8), SizeOf(null, 8, TinyPipeline.Hint(47, 31)));
        Assert.Equal((56, 24), SizeOf(56, null, TinyPipeline.Hint(47, 31)));
        Assert.Equal((16, 48), SizeOf(16, 48, TinyPipeline.Hint(3, 3)));
    }

    [Fact]
    public void A_net_serves_several_models()
    {
        using StableDiffusion other = TinyPipeline.Load(_device);
        ControlInput control = new() { Net = _net, Image = TinyPipeline.Hint(40, 24) };
        GeneratedImage expected = _model.Generate(TinyPipeline.Request with { Controls = [control] });
        TinyPipeline.AssertSame(expected, other.Generate(TinyPipeline.Request with { Controls = [control] }));
    }

    [Fact]
    public void The_decoded_values_are_those_of_the_picture()
    {
        GeneratedImage image = Of(TinyPipeline.Hint(40, 24), 1);
        Assert.Equal((40, 24), (image.Image.Width, image.Image.Height));
        Assert.Equal(3 * 40 * 24, image.Decoded.Length);
        Assert.Equal(4 * 5 * 3, image.Latents.Length);
        RgbImage again = RgbImage.FromFloats(image.Decoded.Span, 40, 24, PixelRange.MinusOneToOne);
        Assert.Equal(image.Image.Pixels.ToArray(), again.Pixels.ToArray());
        Assert.True(image.Elapsed > TimeSpan.Zero);
    }

    private GeneratedImage Of(RgbImage hint, float scale) => _model.Generate(
        TinyPipeline.Request with { Controls = [new ControlInput { Net = _net, Image = hint, Scale = scale }] });

    private (int Width, int Height) SizeOf(int? width, int? height, RgbImage? hint)
    {
        ControlInput[] controls = hint is null ? [] : [new ControlInput { Net = _net, Image = hint }];
        RgbImage image = _model.Generate(
            TinyPipeline.Request with { Width = width, Height = height, Steps = 1, Controls = controls }).Image;
        return (image.Width, image.Height);
    }
}
