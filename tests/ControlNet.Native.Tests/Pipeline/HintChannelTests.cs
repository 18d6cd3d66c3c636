using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using ControlNet.Verification;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Hints of floats, of as many channels as a net reads.</summary>
public sealed class HintChannelTests : IDisposable
{
    private const string FirstWeight = "controlnet_cond_embedding.conv_in.weight";

    private readonly ScratchFolder _folder = new();
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _net;

    public HintChannelTests()
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
        _folder.Dispose();
    }

    [Fact]
    public void Floats_that_a_picture_holds_give_its_image()
    {
        RgbImage image = TinyPipeline.Hint(40, 24);
        ControlHint floats = ControlHint.FromFloats(image.ToFloats(PixelRange.ZeroToOne), 40, 24, 3);
        TinyPipeline.AssertSame(Of(_net, image), Of(_net, floats));
        ControlHint turned = floats.WithChannels(new(2), new(1), new(0));
        TinyPipeline.AssertDifferent(Of(_net, image), Of(_net, turned));
        TinyPipeline.AssertSame(Of(_net, image), Of(_net, turned.WithChannels(new(2), new(1), new(0))));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(8)]
    public void A_net_of_more_channels_reads_them_all(int channels)
    {
        using ControlNetModel wide = WithChannels(channels);
        float[] rgb = TinyPipeline.Hint(40, 24).ToFloats(PixelRange.ZeroToOne);
        float[] padded = Widened(rgb, channels, extra: 0), lit = Widened(rgb, channels, extra: 1);
        GeneratedImage expected = Of(_net, TinyPipeline.Hint(40, 24));
        GeneratedImage actual = Of(wide, ControlHint.FromFloats(padded, 40, 24, channels));
        Close.To([.. expected.Latents.ToArray().Select(v => (double)v)], actual.Latents.ToArray(), 1e-4);
        TinyPipeline.AssertDifferent(actual, Of(wide, ControlHint.FromFloats(lit, 40, 24, channels)));
        AssertRefused(
            wide, TinyPipeline.Hint(40, 24),
            $"the ControlNet wide reads hints of {channels} channels, the hint has 3; give it one of {channels}");
    }

    [Fact]
    public void A_net_of_one_channel_reads_a_depth()
    {
        using ControlNetModel narrow = WithChannels(1);
        float[] depth = [.. Enumerable.Range(0, 40 * 24).Select(i => i % 40 / 39f)];
        ControlHint hint = ControlHint.FromFloats(depth, 40, 24, 1);
        TinyPipeline.AssertDifferent(Of(narrow, hint), _model.Generate(TinyPipeline.Request));
        AssertRefused(
            narrow, ControlHint.FromDepth(depth, 40, 24),
            "the ControlNet wide reads hints of 1 channel, the hint has 3; give it one of 1");
        TinyPipeline.AssertSame(
            Of(narrow, ControlHint.FromDepth(depth, 40, 24, near: 1, far: 0).WithChannels(new HintChannel(0))),
            Of(narrow, hint));
        AssertRefused(
            _net, hint,
            "the ControlNet controlnet-tiny-canny reads hints of 3 channels, the hint has 1; give it one of 3");
    }

    [Fact]
    public void What_an_inpainting_net_is_to_fill_in_is_minus_one()
    {
        GoldenTensors golden = new(Repository.Golden("outputs", "pipelines", "control_inpaint.safetensors"));
        (byte[] image, byte[] mask) = (golden["in.image"].Octets(), golden["in.mask"].Octets());
        const int width = 40, height = 48, pixels = width * height;
        float[] values = new float[3 * pixels];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = mask[i / 3] > 127 ? -1 : image[((i % 3) * pixels) + (i / 3)] / 255f;
        }

        Assert.Contains(-1, values);
        Assert.Contains(values, value => value > 0);
        ControlInput control = new() { Net = _net, Image = ControlHint.FromFloats(values, width, height, 3) };
        using PreparedControl prepared = new(control, width, height);
        using (TensorScope.Enter())
        {
            Tensor direct = _net.EncodeHint(Tensor.From(_device, new Shape(1, height, width, 3), values));
            Assert.Equal(direct.ToArray(), prepared.Features.ToArray());
            Tensor clipped = _net.EncodeHint(Tensor.From(
                _device, new Shape(1, height, width, 3), [.. values.Select(value => Math.Max(0, value))]));
            Assert.NotEqual(direct.ToArray(), clipped.ToArray());
        }

        Assert.Equal(5 * 6 * 4, _model.Generate(TinyPipeline.Request with
        {
            Width = null,
            Height = null,
            Controls = [control],
        }).Latents.Length);
    }

    [Fact]
    public void Nets_are_swapped_between_requests_and_shared_between_models()
    {
        using ControlNetModel depth = TinyPipeline.LoadNet(_device, TinyPipeline.Depth);
        using StableDiffusion other = TinyPipeline.Load(_device);
        ControlHint hint = TinyPipeline.Hint(40, 24);
        GeneratedImage canny = Of(_net, hint), depths = Of(depth, hint);
        TinyPipeline.AssertDifferent(canny, depths);
        long blocks = _device.BlocksInUse;
        for (int i = 0; i < 3; i++)
        {
            TinyPipeline.AssertSame(canny, Of(_net, hint));
            TinyPipeline.AssertSame(depths, other.Generate(Request(depth, hint)));
            TinyPipeline.AssertSame(canny, other.Generate(Request(_net, hint)));
            TinyPipeline.AssertSame(depths, Of(depth, hint));
            Assert.Equal(blocks, _device.BlocksInUse);
        }
    }

    private static float[] Widened(float[] rgb, int channels, float extra) =>
    [
        .. rgb.Chunk(3).SelectMany(pixel => pixel.Concat(Enumerable.Repeat(extra, channels - 3))),
    ];

    private static ImageRequest Request(ControlNetModel net, ControlHint hint) =>
        TinyPipeline.Request with { Controls = [new ControlInput { Net = net, Image = hint }] };

    private GeneratedImage Of(ControlNetModel net, ControlHint hint) => _model.Generate(Request(net, hint));

    private void AssertRefused(ControlNetModel net, ControlHint hint, string message) =>
        Assert.Equal(message, Assert.Throws<RequestException>(() => Of(net, hint)).Message);

    /// <summary>The canny net with other input channels: the first three, and repeated where there are more.</summary>
    private ControlNetModel WithChannels(int channels)
    {
        _folder.CopyGolden($"models/{TinyPipeline.Canny}");
        string from = _folder.Path("models", TinyPipeline.Canny), to = Path.Combine(_folder.Root, "wide");
        Directory.Move(from, to);
        string config = Path.Combine(to, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace(
            "\"conditioning_channels\": 3", $"\"conditioning_channels\": {channels}", StringComparison.Ordinal));
        string path = Path.Combine(to, "diffusion_pytorch_model.safetensors");
        SafeTensorsItem[] items;
        using (SafeTensorsFile file = SafeTensorsFile.Open(path))
        {
            items = [.. file.Entries.Values.Select(entry => Item(entry, file.ReadAll(entry.Name), channels))];
        }

        SafeTensorsWriter.Write(path, items);
        return ControlNetModel.Load(to, _device);
    }

    private static SafeTensorsItem Item(SafeTensorsEntry entry, byte[] bytes, int channels) =>
        entry.Name == FirstWeight
            ? Widened(entry, bytes, channels)
            : new SafeTensorsItem(entry.Name, entry.DType, entry.Shape, () => bytes);

    /// <summary>A weight <c>[out, 3, 3, 3]</c> as <c>[out, channels, 3, 3]</c>.</summary>
    private static SafeTensorsItem Widened(SafeTensorsEntry entry, byte[] bytes, int channels)
    {
        int kernelBytes = bytes.Length / (int)(entry.Shape[0] * entry.Shape[1]);
        byte[] widened = new byte[entry.Shape[0] * channels * kernelBytes];
        for (int i = 0; i < widened.Length; i += kernelBytes)
        {
            (int output, int input) = (i / kernelBytes / channels, i / kernelBytes % channels);
            bytes.AsSpan(((output * 3) + (input % 3)) * kernelBytes, kernelBytes).CopyTo(widened.AsSpan(i));
        }

        return new SafeTensorsItem(
            entry.Name, entry.DType, [entry.Shape[0], channels, entry.Shape[2], entry.Shape[3]], () => widened);
    }
}
