using System;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Models;

/// <summary>
/// What several texts of the same latents share, and what a request computes for all its timesteps at once: the results
/// are those of the repeated batch and of single steps, to the last bit.
/// </summary>
public sealed class SharedWorkTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly TensorScope _scope = TensorScope.Enter();

    public void Dispose()
    {
        _scope.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    [Theory]
    [InlineData("sd1-tiny", 1, 2)]
    [InlineData("sd1-tiny", 3, 2)]
    [InlineData("sd1-tiny", 2, 3)]
    [InlineData("sd2-tiny", 1, 2)]
    [InlineData("sd2-tiny", 2, 2)]
    public void Latents_of_several_texts_give_what_repeated_latents_give(string name, int latents, int texts)
    {
        using UnetModel unet = TinyModels.Unet(_device, name);
        AssertShared(unet, latents, texts);
    }

    /// <summary>Shared as deep as no block reads the text: to the second level, to the third, to the middle.</summary>
    [Theory]
    [InlineData(false, true, true, false)]
    [InlineData(false, false, false, false)]
    [InlineData(false, false, true, true)]
    public void Levels_without_a_transformer_are_shared_too(params bool[] attends)
    {
        using Checkpoint file = TinyModels.Open("sd1-tiny", "unet");
        bool[] inFile = [.. file.Unet!.Config.DownAttention];
        UnetConfig config = file.Unet.Config with
        {
            DownAttention = [.. attends.Zip(inFile, (wanted, exists) => wanted && exists)],
        };
        using UnetModel unet = new(file.Unet.Map(_device), config);
        AssertShared(unet, latents: 1, texts: 2);
        AssertShared(unet, latents: 2, texts: 2);
    }

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(2, 1, false)]
    [InlineData(2, 2, false)]
    [InlineData(1, 1, true)]
    [InlineData(2, 1, true)]
    public void A_control_network_shares_likewise(int latents, int hints, bool pooled)
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using Checkpoint file = TinyModels.Open("controlnet-tiny-canny");
        using ControlNetModel net = new(
            file.ControlNet!.Map(_device), file.ControlNet.Config with { GlobalPoolConditions = pooled });
        Tensor x = TinyModels.Numbers(_device, latents, 5, 6, 4), twice = Ops.Concat(0, x, x);
        using TextContext text = new(TinyModels.Numbers(_device, 2 * latents, 7, TinyModels.TextWidth));
        Tensor hint = net.EncodeHint(TinyModels.Numbers(_device, hints, 40, 48, 3));
        float[] timesteps = [.. Enumerable.Range(0, latents).Select(i => 17.5f + (300 * i))];
        float[] repeated = [.. timesteps, .. timesteps];

        ControlResiduals expected = net.Forward(
            twice, repeated, text, hints == 1 ? hint : Ops.Concat(0, hint, hint));
        ControlResiduals actual = net.Forward(x, timesteps, text, hint);
        Assert.Equal(expected.Count, actual.Count);
        foreach ((Tensor one, Tensor other) in expected.Skips.Append(expected.Middle).Zip(
            actual.Skips.Append(actual.Middle)))
        {
            Assert.Equal(one.Shape, other.Shape);
            Assert.Equal(one.ToArray(), other.ToArray());
        }

        Assert.Equal(
            unet.Forward(twice, repeated, text, expected).ToArray(),
            unet.Forward(x, timesteps, text, actual).ToArray());
    }

    /// <summary>Residuals for each of the latents, or one for all, are repeated as the latents are.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Residuals_of_fewer_images_repeat(int images)
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using ControlNetModel net = TinyModels.ControlNet(_device);
        Tensor x = TinyModels.Numbers(_device, 2, 5, 6, 4);
        Tensor states = TinyModels.Numbers(_device, 4, 7, TinyModels.TextWidth);
        Tensor hint = net.EncodeHint(TinyModels.Numbers(_device, 1, 40, 48, 3));
        using TextContext some = new(states.Rows(0, images));
        ControlResiduals few = net.Forward(x.Rows(0, images), [500f], some, hint);
        ControlResiduals all = new(
            [.. few.Skips.Select(skip => Repeated(skip, 4 / images))], Repeated(few.Middle, 4 / images));
        using TextContext text = new(states);
        Assert.Equal(
            unet.Forward(x, [500f], text, all).ToArray(), unet.Forward(x, [500f], text, few).ToArray());
    }

    [Fact]
    public void Announced_timesteps_give_what_single_ones_give()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using ControlNetModel net = TinyModels.ControlNet(_device);
        Tensor x = TinyModels.Numbers(_device, 2, 5, 6, 4);
        using TextContext text = new(TinyModels.Numbers(_device, 4, 7, TinyModels.TextWidth));
        Tensor hint = net.EncodeHint(TinyModels.Numbers(_device, 1, 40, 48, 3));
        float[] plan = [.. Enumerable.Range(0, 45).Select(i => 999 - (22.2f * i)), 0, 1, 1];
        using TimeContext times = new(plan);

        // Of the plan: in its order, out of it, the same twice. Not of the plan: alone, and beside one that is.
        foreach (float[] steps in (float[][])
            [[plan[0]], [plan[44]], [1], [plan[3], plan[4]], [plan[9], plan[2]], [0, 0], [123.25f], [plan[5], 123.25f]])
        {
            ControlResiduals expected = net.Forward(x, steps, text, hint);
            ControlResiduals actual = net.Forward(x, steps, text, hint, times);
            Assert.Equal(expected.Middle.ToArray(), actual.Middle.ToArray());
            Assert.Equal(
                unet.Forward(x, steps, text, expected).ToArray(),
                unet.Forward(x, steps, text, actual, times).ToArray());
        }
    }

    [Fact]
    public void The_timesteps_of_a_request_hold_one_tensor_for_each_projection()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        Tensor x = TinyModels.Numbers(_device, 1, 5, 6, 4);
        using TextContext text = new(TinyModels.Numbers(_device, 2, 7, TinyModels.TextWidth));
        _ = unet.Forward(x, [3f], text);
        long before = _device.BlocksInUse;
        using TimeContext times = new(1, 2, 3);
        for (int step = 1; step <= 3; step++)
        {
            unet.Forward(x, [step], text, times: times).Dispose();

            // The embedding and its projections in the 22 residual blocks.
            Assert.Equal(before + 1 + 22, _device.BlocksInUse);
        }

        unet.Forward(x, [4], text, times: times).Dispose();
        Assert.Equal(before + 1 + 22, _device.BlocksInUse);
        times.Dispose();
        Assert.Equal(before, _device.BlocksInUse);
    }

    [Fact]
    public void A_timestep_of_a_request_that_is_no_number() => Assert.Equal(
        "timestep 1 is Infinity; give a number, 0 to 999 in Stable Diffusion",
        Assert.Throws<ModelException>(() => new TimeContext(1, float.PositiveInfinity)).Message);

    private static Tensor Repeated(Tensor x, int times) =>
        Ops.Concat(0, [.. Enumerable.Repeat(x, times)]);

    private void AssertShared(UnetModel unet, int latents, int texts)
    {
        Tensor x = TinyModels.Numbers(_device, latents, 7, 5, unet.Config.InChannels);
        using TextContext text = new(
            TinyModels.Numbers(_device, latents * texts, 9, unet.Config.CrossAttentionDim));
        float[] timesteps = [.. Enumerable.Range(0, latents).Select(i => 981f - (333.5f * i))];
        float[] repeated = [.. Enumerable.Repeat(timesteps, texts).SelectMany(each => each)];
        Tensor expected = unet.Forward(Repeated(x, texts), repeated, text);
        Tensor actual = unet.Forward(x, timesteps, text);
        Assert.Equal(expected.Shape, actual.Shape);
        Assert.Equal(expected.ToArray(), actual.ToArray());
        Assert.Equal(
            unet.Forward(Repeated(x, texts), [5f], text).ToArray(), unet.Forward(x, [5f], text).ToArray());
    }
}
