using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using ControlNet.Native.Control;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>A hint is encoded once, for the whole of a request and for those after it.</summary>
public sealed class KeptHintTests : IDisposable
{
    private const long FeatureBytes = 4 * 5 * 3 * 8;

    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _net;

    public KeptHintTests()
    {
        _model = TinyPipeline.Load(_device);
        _net = TinyPipeline.LoadNet(_device);
    }

    private ControlInput Control => new() { Net = _net, Image = TinyPipeline.Hint(40, 24) };

    public void Dispose()
    {
        _net.Dispose();
        _model.Dispose();
        Assert.Equal((0L, 0L), (_device.BlocksInUse, _device.BytesInUse));
        _device.Dispose();
    }

    [Fact]
    public void It_is_encoded_once_for_all_requests_with_it()
    {
        ControlInput control = Control;
        Assert.Equal(0, _net.KeptHintBytes);
        GeneratedImage expected = _model.Generate(TinyPipeline.Request with { Controls = [control] });
        Assert.Equal(FeatureBytes, _net.KeptHintBytes);
        Assert.Equal(0, Encoded(control));
        Assert.Equal(0, Encoded(control with { Scale = 0.3f, Mode = ControlMode.Guess, Start = 0.4 }));
        using (StableDiffusion other = TinyPipeline.Load(_device))
        {
            Assert.Equal(0, Encoded(other, control));
        }

        Assert.Equal(0, Encoded(control, control with { End = 0.5 }));
        TinyPipeline.AssertSame(expected, _model.Generate(TinyPipeline.Request with { Controls = [control] }));
    }

    [Fact]
    public void Another_instance_size_or_way_is_encoded_anew()
    {
        ControlInput control = Control with { Image = TinyPipeline.Hint(30, 24) };
        Assert.Equal(1, Encoded(control));
        Assert.Equal(1, Encoded(control with { Image = TinyPipeline.Hint(30, 24) }));
        Assert.Equal(1, Encoded(control));
        Assert.Equal(1, Encoded(control with { Resize = HintResize.Crop }));
        Assert.Equal(1, Encoded(control, control with { Resize = HintResize.Crop }));
        Assert.Equal(0, Encoded(control));
        ImageRequest small = TinyPipeline.Request with { Width = 24, Height = 16, Controls = [control] };
        Assert.Equal(1, Encoded(_model, small));
        Assert.Equal(4 * 3 * 2 * 8, _net.KeptHintBytes);
    }

    [Fact]
    public void Only_those_of_the_last_request_stay()
    {
        ControlInput first = Control, second = Control with { Image = TinyPipeline.Hint(24, 40) };
        long weights = _device.BytesInUse;
        Assert.Equal(2, Encoded(first, second));
        Assert.Equal(2 * FeatureBytes, _net.KeptHintBytes);
        Assert.InRange(_device.BytesInUse - weights, 2 * FeatureBytes, (2 * FeatureBytes) + 128);
        Assert.Equal(0, Encoded(second));
        Assert.Equal(FeatureBytes, _net.KeptHintBytes);

        // A request without the net leaves what it has.
        _ = _model.Generate(TinyPipeline.Request);
        Assert.Equal(0, Encoded(second));
        _net.ForgetHints();
        Assert.Equal((0L, weights), (_net.KeptHintBytes, _device.BytesInUse));
        Assert.Equal(1, Encoded(second));
    }

    [Fact]
    public void A_report_may_have_the_net_forget_or_make_another_image()
    {
        ControlInput control = Control;
        ImageRequest request = TinyPipeline.Request with { Controls = [control] };
        GeneratedImage expected = _model.Generate(request);
        TinyPipeline.AssertSame(
            expected, _model.Generate(request, new Reports<GenerationProgress>(_ => _net.ForgetHints())));
        ImageRequest other = request with { Controls = [Control], Steps = 1 };
        TinyPipeline.AssertSame(
            expected, _model.Generate(request, new Reports<GenerationProgress>(_ => _model.Generate(other))));
    }

    [Fact]
    public void It_does_not_keep_the_hint_alive()
    {
        WeakReference hint = Use();
        for (int i = 0; i < 20 && hint.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(hint.IsAlive);
        Assert.Equal(FeatureBytes, _net.KeptHintBytes);
        Assert.Equal(1, Encoded(Control));
    }

    [Fact]
    public void A_net_that_is_trained_keeps_none()
    {
        using Checkpoint file = Checkpoint.Open(TinyPipeline.ModelPath(TinyPipeline.Canny));
        using ControlNetModel trained = new(
            file.ControlNet!.Map(_device).For(WeightUse.Trained), file.ControlNet.Config);
        ControlInput control = Control with { Net = trained };
        Assert.Equal(2, Encoded(control) + Encoded(control));
        Assert.Equal(0, trained.KeptHintBytes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private WeakReference Use()
    {
        ControlInput control = Control;
        _ = _model.Generate(TinyPipeline.Request with { Controls = [control] });
        return new WeakReference(control.Image);
    }

    private int Encoded(params ControlInput[] controls) => Encoded(_model, controls);

    private static int Encoded(StableDiffusion model, params ControlInput[] controls) =>
        Encoded(model, TinyPipeline.Request with { Controls = controls });

    /// <summary>How often a hint is encoded.</summary>
    private static int Encoded(StableDiffusion model, ImageRequest request)
    {
        List<string> computed = [];
        using (ModuleTrace.Start((path, _) => computed.Add(path)))
        {
            _ = model.Generate(request);
        }

        Assert.Contains("controlnet_mid_block", computed);
        return computed.Count(path => path == "controlnet_cond_embedding.conv_in");
    }
}
