using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>
/// What each mode means beside the others. That <see cref="ControlMode.Guess"/> is guess mode of diffusers,
/// <see cref="PipelineGoldenTests"/> proves.
/// </summary>
public sealed class ControlModeTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _net;

    public ControlModeTests()
    {
        _model = TinyPipeline.Load(_device);
        _net = TinyPipeline.LoadNet(_device);
    }

    private static ImageRequest Unguided => TinyPipeline.Request with { GuidanceScale = 1 };

    /// <summary>Guidance between two equal halves is either of them, up to rounding.</summary>
    private static ImageRequest EqualHalves =>
        TinyPipeline.Request with { NegativePrompt = TinyPipeline.Request.Prompt };

    public void Dispose()
    {
        _net.Dispose();
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    [Fact]
    public void Every_mode_gives_another_image()
    {
        GeneratedImage[] images =
            [.. Enum.GetValues<ControlMode>().Select(mode => Of(TinyPipeline.Request, mode))];
        for (int i = 0; i < images.Length; i++)
        {
            for (int k = 0; k < i; k++)
            {
                Assert.NotEqual(images[i].Latents.ToArray(), images[k].Latents.ToArray());
            }
        }
    }

    [Fact]
    public void Without_guidance_control_is_prompt()
    {
        TinyPipeline.AssertSame(Of(Unguided, ControlMode.Prompt), Of(Unguided, ControlMode.Control));
        TinyPipeline.AssertDifferent(Of(Unguided, ControlMode.Prompt), Of(Unguided, ControlMode.Balanced));
    }

    [Theory]
    [InlineData(ControlMode.Balanced, true)]
    [InlineData(ControlMode.Prompt, true)]
    [InlineData(ControlMode.Control, false)]
    [InlineData(ControlMode.Guess, false)]
    public void Both_halves_or_the_conditional_one(ControlMode mode, bool both)
    {
        double off = Difference(Of(Unguided, mode), Of(EqualHalves, mode));
        Assert.True(both ? off < 1e-4 : off > 1e-2, $"{off:e2}");
    }

    [Fact]
    public void The_two_ramps_of_guess_mode_are_close()
    {
        double off = Difference(
            Of(TinyPipeline.Request, ControlMode.Guess), Of(TinyPipeline.Request, ControlMode.Control));
        Assert.InRange(off, 1e-7, 0.02);
    }

    [Fact]
    public void A_pooled_net_acts_on_the_conditional_half_in_every_mode()
    {
        using ScratchFolder folder = new();
        folder.CopyGolden($"models/{TinyPipeline.Canny}");
        string path = folder.Path("models", TinyPipeline.Canny), config = Path.Combine(path, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace(
            "\"global_pool_conditions\": false", "\"global_pool_conditions\": true", StringComparison.Ordinal));
        using ControlNetModel pooled = ControlNetModel.Load(path, _device);
        Assert.True(pooled.Config.GlobalPoolConditions);

        GeneratedImage balanced = With(TinyPipeline.Request, ControlMode.Balanced);
        TinyPipeline.AssertSame(balanced, With(TinyPipeline.Request, ControlMode.Guess));
        TinyPipeline.AssertDifferent(balanced, With(TinyPipeline.Request, ControlMode.Control));
        TinyPipeline.AssertDifferent(balanced, _model.Generate(TinyPipeline.Request));
        Assert.True(
            Difference(With(Unguided, ControlMode.Balanced), With(EqualHalves, ControlMode.Balanced)) > 1e-3);

        // Beside a net that is not pooled.
        ControlInput[] two = [Input(pooled, ControlMode.Balanced), Input(_net, ControlMode.Balanced)];
        TinyPipeline.AssertDifferent(balanced, _model.Generate(TinyPipeline.Request with { Controls = two }));

        GeneratedImage With(ImageRequest request, ControlMode mode) =>
            _model.Generate(request with { Controls = [Input(pooled, mode)] });
    }

    [Theory]
    [InlineData("")]
    [InlineData("  \t\n")]
    public void A_prompt_may_be_empty(string prompt)
    {
        ImageRequest request = TinyPipeline.Request with { Prompt = prompt, NegativePrompt = "" };
        GeneratedImage guessed = Of(request, ControlMode.Guess);
        TinyPipeline.AssertSame(guessed, Of(request with { Prompt = "" }, ControlMode.Guess));
        TinyPipeline.AssertDifferent(guessed, Of(TinyPipeline.Request, ControlMode.Guess));
        TinyPipeline.AssertDifferent(guessed, _model.Generate(request));
    }

    private static double Difference(GeneratedImage expected, GeneratedImage actual)
    {
        (float[] x, float[] y) = (expected.Latents.ToArray(), actual.Latents.ToArray());
        return x.Zip(y, (a, b) => Math.Abs((double)a - b)).Max() / x.Max(Math.Abs);
    }

    private static ControlInput Input(ControlNetModel net, ControlMode mode) =>
        new() { Net = net, Image = TinyPipeline.Hint(40, 24), Mode = mode };

    private GeneratedImage Of(ImageRequest request, ControlMode mode) =>
        _model.Generate(request with { Controls = [Input(_net, mode)] });
}
