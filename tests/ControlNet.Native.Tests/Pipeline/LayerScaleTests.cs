using System;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Factors of single residuals, and the ramps of guess mode.</summary>
public sealed class LayerScaleTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _net;

    public LayerScaleTests()
    {
        _model = TinyPipeline.Load(_device);
        _net = TinyPipeline.LoadNet(_device);
    }

    private ControlInput Control => new() { Net = _net, Image = TinyPipeline.Hint(40, 24) };

    public void Dispose()
    {
        _net.Dispose();
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    [Fact]
    public void They_multiply_the_scale_of_the_control()
    {
        Assert.Equal(13, _net.ResidualCount);
        TinyPipeline.AssertSame(Of(Control), Of(Control with { LayerScales = All(1) }));
        TinyPipeline.AssertSame(Of(Control with { Scale = 0.5f }), Of(Control with { LayerScales = All(0.5f) }));
        TinyPipeline.AssertSame(
            Of(Control with { Scale = 0.5f }), Of(Control with { Scale = 0.25f, LayerScales = All(2) }));
        TinyPipeline.AssertSame(
            Of(Control with { Mode = ControlMode.Prompt }),
            Of(Control with { LayerScales = ControlResiduals.SoftRamp(13) }));
    }

    [Fact]
    public void Each_is_that_of_one_residual()
    {
        GeneratedImage none = _model.Generate(TinyPipeline.Request);
        GeneratedImage[] ones = [.. Enumerable.Range(0, 13).Select(i => Of(Control with { LayerScales = Only(i) }))];
        Assert.All(ones, image => Assert.NotEqual(none.Latents.ToArray(), image.Latents.ToArray()));
        Assert.Equal(13, ones.Select(image => image.Latents.Span[7]).Distinct().Count());
    }

    [Fact]
    public void Of_all_zeros_the_net_is_not_computed()
    {
        ControlNetModel disposed = TinyPipeline.LoadNet(_device);
        disposed.Dispose();
        TinyPipeline.AssertSame(
            _model.Generate(TinyPipeline.Request), Of(Control with { Net = disposed, LayerScales = All(0) }));
    }

    [Fact]
    public void The_original_ramp_makes_guess_mode_that_of_the_authors()
    {
        ControlInput original = Control with { Mode = ControlMode.Guess, GuessRamp = GuessRamp.Original };
        TinyPipeline.AssertSame(Of(Control with { Mode = ControlMode.Control }), Of(original));
        TinyPipeline.AssertDifferent(Of(Control with { Mode = ControlMode.Guess }), Of(Control));
        Assert.NotEqual(
            Of(Control with { Mode = ControlMode.Guess }).Latents.ToArray(), Of(original).Latents.ToArray());

        // In other modes it means nothing.
        TinyPipeline.AssertSame(Of(Control), Of(Control with { GuessRamp = GuessRamp.Original }));
        using ControlNetModel pooled = TinyPipeline.LoadPooled(_device);
        TinyPipeline.AssertSame(
            Of(Control with { Net = pooled, Mode = ControlMode.Control }), Of(original with { Net = pooled }));
    }

    [Fact]
    public void Values_that_cannot_be()
    {
        AssertRefused(
            Control with { LayerScales = All(1)[1..] },
            "LayerScales has 12 values, but the ControlNet controlnet-tiny-canny takes 13: one for each skip and one " +
            "for the middle");
        AssertRefused(
            Control with { LayerScales = [.. All(1)[..12], 2.5f] },
            "Controls[0].LayerScales[12] is 2.5, but must be from 0 to 2");
        AssertRefused(
            Control with { LayerScales = [float.NaN, .. All(1)[1..]] },
            "Controls[0].LayerScales[0] is NaN, but must be from 0 to 2");
        AssertRefused(
            Control with { GuessRamp = (GuessRamp)2 }, "Controls[0].GuessRamp 2 is not one of its values");
        AssertRefused(Control with { Resize = (HintResize)3 }, "Controls[0].Resize 3 is not one of its values");
        AssertRefused(Control with { LayerScales = [] }, "LayerScales has 0 values, but the ControlNet *");
    }

    private static float[] All(float scale) => [.. Enumerable.Repeat(scale, 13)];

    private static float[] Only(int index) => [.. Enumerable.Range(0, 13).Select(i => i == index ? 1f : 0f)];

    private void AssertRefused(ControlInput control, string message)
    {
        long blocks = _device.BlocksInUse;
        Assert.Matches(Support.Wildcard.Pattern(message), Assert.Throws<RequestException>(() => Of(control)).Message);
        Assert.Equal(blocks, _device.BlocksInUse);
    }

    private GeneratedImage Of(params ControlInput[] controls) =>
        _model.Generate(TinyPipeline.Request with { Controls = controls });
}
