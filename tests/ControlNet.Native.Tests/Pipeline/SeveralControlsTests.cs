using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Several controls in one request, and when each of them acts.</summary>
public sealed class SeveralControlsTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _canny;
    private readonly ControlNetModel _depth;

    public SeveralControlsTests()
    {
        _model = TinyPipeline.Load(_device);
        _canny = TinyPipeline.LoadNet(_device);
        _depth = TinyPipeline.LoadNet(_device, TinyPipeline.Depth);
    }

    private ControlInput Canny => new() { Net = _canny, Image = TinyPipeline.Hint(40, 24) };

    private ControlInput Depth => new() { Net = _depth, Image = TinyPipeline.Hint(24, 40) };

    public void Dispose()
    {
        _canny.Dispose();
        _depth.Dispose();
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    [Fact]
    public void Their_residuals_add_up()
    {
        // Halves add up to the whole without rounding.
        TinyPipeline.AssertSame(Of(Canny), Of(Canny with { Scale = 0.5f }, Canny with { Scale = 0.5f }));
        GeneratedImage both = Of(Canny, Depth);
        TinyPipeline.AssertSame(both, Of(Depth, Canny));
        TinyPipeline.AssertDifferent(both, Of(Canny));
        TinyPipeline.AssertDifferent(both, Of(Depth));
    }

    [Fact]
    public void One_of_scale_0_is_none()
    {
        TinyPipeline.AssertSame(Of(Canny), Of(Canny, Depth with { Scale = 0 }));
        TinyPipeline.AssertSame(Of(), Of(Canny with { Scale = 0 }, Depth with { Scale = 0 }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_number_of_threads_does_not_matter(int threads)
    {
        ControlInput[] controls = [Canny with { Mode = ControlMode.Guess }, Depth with { End = 0.7 }];
        GeneratedImage expected = Of(controls);
        using Device device = Devices.Cpu(threads);
        using StableDiffusion model = TinyPipeline.Load(device);
        using ControlNetModel canny = TinyPipeline.LoadNet(device);
        using ControlNetModel depth = TinyPipeline.LoadNet(device, TinyPipeline.Depth);
        TinyPipeline.AssertSame(expected, model.Generate(TinyPipeline.Request with
        {
            Controls = [controls[0] with { Net = canny }, controls[1] with { Net = depth }],
        }));
    }

    [Theory]
    [InlineData(0, 1, 0, 1, 2, 3, 4)]
    [InlineData(0, 0.4, 0, 1)]
    [InlineData(0, 0.39, 0)]
    [InlineData(0.2, 0.6, 1, 2)]
    [InlineData(0.8, 1, 4)]
    [InlineData(0.1, 0.95, 1, 2, 3)]
    public void A_control_acts_in_the_calls_of_its_window(double start, double end, params int[] calls)
    {
        // The diffusers pipeline controls call i of n if i / n >= start and (i + 1) / n <= end.
        ImageRequest request = TinyPipeline.Request with { Steps = 5 };
        List<float[]> none = Latents(request);
        List<float[]> windowed = Latents(request with { Controls = [Canny with { Start = start, End = end }] });
        int first = calls[0];
        for (int call = 0; call < 5; call++)
        {
            Assert.Equal(call < first, none[call].SequenceEqual(windowed[call]));
        }

        // From the last controlled call on the sampler goes on without: as from a window that ends there.
        double exactEnd = (calls[^1] + 1) / 5.0, exactStart = first / 5.0;
        List<float[]> exact = Latents(
            request with { Controls = [Canny with { Start = exactStart, End = exactEnd }] });
        Assert.Equal(exact.SelectMany(values => values), windowed.SelectMany(values => values));
        if (calls.Length < 5 - first)
        {
            List<float[]> longer = Latents(request with { Controls = [Canny with { Start = exactStart }] });
            Assert.Equal(longer[calls[^1]], windowed[calls[^1]]);
            Assert.NotEqual(longer[calls[^1] + 1], windowed[calls[^1] + 1]);
        }
    }

    [Fact]
    public void A_net_that_does_not_act_is_not_computed()
    {
        // Any use of a disposed net throws.
        ControlNetModel disposed = TinyPipeline.LoadNet(_device);
        disposed.Dispose();
        ControlInput unused = Canny with { Net = disposed };
        Assert.Throws<ObjectDisposedException>(() => Of(unused));
        TinyPipeline.AssertSame(Of(Depth), Of(unused with { Scale = 0 }, Depth));
        TinyPipeline.AssertSame(Of(), Of(unused with { Start = 0.4, End = 0.6 }));

        int calls = 0;
        ImageRequest late = TinyPipeline.Request with { Controls = [unused with { Start = 0.5 }] };
        Assert.Throws<ObjectDisposedException>(
            () => _model.Generate(late, new Reports<GenerationProgress>(_ => calls++)));
        Assert.Equal(2, calls);
    }

    [Fact]
    public void The_size_is_that_of_the_first()
    {
        ImageRequest request = TinyPipeline.Request with { Width = null, Height = null, Steps = 1 };
        GeneratedImage image = _model.Generate(request with { Controls = [Depth, Canny] });
        Assert.Equal((24, 40), (image.Image.Width, image.Image.Height));
    }

    private GeneratedImage Of(params ControlInput[] controls) =>
        _model.Generate(TinyPipeline.Request with { Controls = controls });

    private List<float[]> Latents(ImageRequest request)
    {
        List<float[]> latents = [];
        _ = _model.Generate(request, new Reports<GenerationProgress>(report => latents.Add(report.CopyLatents())));
        return latents;
    }
}
