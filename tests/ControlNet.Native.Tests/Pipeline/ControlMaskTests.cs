using System;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Controls that act in a part of the picture.</summary>
public sealed class ControlMaskTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _net;

    public ControlMaskTests()
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

    [Theory]
    [InlineData(40, 24)]
    [InlineData(1, 1)]
    [InlineData(37, 53)]
    [InlineData(640, 13)]
    public void White_is_everywhere_and_black_nowhere(int width, int height)
    {
        GeneratedImage with = Of(Control), without = _model.Generate(TinyPipeline.Request);
        RgbImage white = new(width, height, [.. Enumerable.Repeat((byte)255, 3 * width * height)]);
        RgbImage black = new(width, height, new byte[3 * width * height]);
        ControlMask ones = ControlMask.FromFloats([.. Enumerable.Repeat(1f, width * height)], width, height);
        foreach (HintResize resize in Enum.GetValues<HintResize>())
        {
            TinyPipeline.AssertSame(with, Of(Control with { Mask = white, Resize = resize }));
            TinyPipeline.AssertSame(with, Of(Control with { Mask = ones, Resize = resize }));
            TinyPipeline.AssertSame(without, Of(Control with { Mask = black, Resize = resize }));
        }
    }

    [Theory]
    [InlineData(ControlMode.Balanced)]
    [InlineData(ControlMode.Guess)]
    public void Halves_add_up_to_the_whole(ControlMode mode)
    {
        // The seam cuts pixels of every residual in two, 5 columns of the largest and 1 of the smallest, which are
        // shared out.
        ControlInput whole = Control with { Mode = mode };
        ControlInput left = whole with { Mask = Half(left: true) }, right = whole with { Mask = Half(left: false) };
        GeneratedImage expected = Of(whole);
        Assert.True(Difference(expected, Of(left, right)) < 1e-4);
        Assert.True(Difference(expected, Of(left)) > 1e-3);
        Assert.True(Difference(expected, Of(right)) > 1e-3);
        Assert.True(Difference(Of(left), Of(right)) > 1e-3);
    }

    [Fact]
    public void Grey_is_a_scale()
    {
        RgbImage grey = new(3, 3, [.. Enumerable.Repeat((byte)51, 27)]);
        Assert.True(Difference(Of(Control with { Scale = 0.2f }), Of(Control with { Mask = grey })) < 1e-4);
    }

    [Fact]
    public void A_net_under_black_is_not_computed()
    {
        ControlNetModel disposed = TinyPipeline.LoadNet(_device);
        disposed.Dispose();
        ControlMask black = ControlMask.FromFloats([0], 1, 1);
        TinyPipeline.AssertSame(
            _model.Generate(TinyPipeline.Request), Of(Control with { Net = disposed, Mask = black }));
        Assert.Throws<ObjectDisposedException>(() => Of(Control with { Net = disposed, Mask = Half(left: true) }));
    }

    [Fact]
    public void A_mask_is_averaged_over_each_cell()
    {
        ControlMask mask = ControlMask.FromFloats([0, 1, 0.5f, 1, 0, 0, 0, 0], 4, 2);
        Assert.Equal([0, 1, 0.5f, 1, 0, 0, 0, 0], mask.Averaged(HintResize.Stretch, 40, 24, 4, 2));
        Assert.Equal([0.25f, 0.375f], mask.Averaged(HintResize.Stretch, 40, 24, 2, 1));

        // Thirds of a row: 4/3 pixels each.
        float[] thirds = mask.Averaged(HintResize.Stretch, 40, 24, 3, 2);
        Assert.Equal(((0 * 3) + (1 * 1)) / 4f, thirds[0], 1e-6f);
        Assert.Equal(((1 * 2) + (0.5f * 2)) / 4f, thirds[1], 1e-6f);
        Assert.Equal(((0.5f * 1) + (1 * 3)) / 4f, thirds[2], 1e-6f);

        // 2 x 1 pixels cover 16 x 16 as 32 x 16: a half of each is seen. In 16 x 40 they have 8 rows in the middle,
        // and the rest is the median of the edges, the lower of two values.
        ControlMask two = ControlMask.FromFloats([0.25f, 1], 2, 1);
        Assert.Equal([0.25f, 1], two.Averaged(HintResize.Crop, 16, 16, 2, 1));
        Assert.Equal(
            [.25f, .25f, .25f, .25f, .25f, 1, .25f, .25f, .25f, .25f],
            two.Averaged(HintResize.Fill, 16, 40, 2, 5));
    }

    [Fact]
    public void A_pooled_net_may_have_a_region()
    {
        using ControlNetModel pooled = TinyPipeline.LoadPooled(_device);
        ControlInput whole = Control with { Net = pooled };
        RgbImage white = new(1, 1, [255, 255, 255]);
        GeneratedImage expected = Of(whole);
        TinyPipeline.AssertSame(expected, Of(whole with { Mask = white }));
        Assert.True(Difference(expected, Of(whole with { Mask = Half(left: true) })) > 1e-4);
    }

    [Theory]
    [InlineData(1.5f, "ControlMask.FromFloats: values[1] is 1.5, but must be from 0 to 1")]
    [InlineData(-0.1f, "ControlMask.FromFloats: values[1] is -0.1, but must be from 0 to 1")]
    [InlineData(float.NaN, "ControlMask.FromFloats: values[1] is NaN, but must be from 0 to 1")]
    public void Values_that_no_mask_has(float value, string message)
    {
        Assert.Equal(
            message, Assert.Throws<RequestException>(() => ControlMask.FromFloats([0, value], 2, 1)).Message);
        Assert.Equal(
            "ControlMask.FromFloats: [2, 2, 1] (height, width, channels) are 4 values, values has 2",
            Assert.Throws<ShapeException>(() => ControlMask.FromFloats([0, 1], 2, 2)).Message);
        Assert.Throws<ArgumentNullException>(() => ControlMask.FromRgbImage(null!));
    }

    private static ControlMask Half(bool left) => ControlMask.FromFloats(
        [.. Enumerable.Range(0, 40 * 24).Select(i => i % 40 < 20 == left ? 1f : 0f)], 40, 24);

    private static double Difference(GeneratedImage expected, GeneratedImage actual)
    {
        (float[] x, float[] y) = (expected.Latents.ToArray(), actual.Latents.ToArray());
        return x.Zip(y, (a, b) => Math.Abs((double)a - b)).Max() / x.Max(Math.Abs);
    }

    private GeneratedImage Of(params ControlInput[] controls) =>
        _model.Generate(TinyPipeline.Request with { Controls = controls });
}
