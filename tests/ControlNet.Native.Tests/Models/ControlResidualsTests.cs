using System;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Models;

public sealed class ControlResidualsTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(1);
    private readonly TensorScope _scope = TensorScope.Enter();

    public void Dispose()
    {
        _scope.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void The_ramps_are_those_of_diffusers_and_of_the_authors()
    {
        float[] diffusers =
        [
            .1f, .121153f, .14678f, .177828f, .215443f, .261016f, .316228f, .383119f, .464159f, .562341f, .681292f,
            .825404f, 1f,
        ];
        float[] authors =
        [
            .099414f, .120502f, .146063f, .177046f, .214601f, .260122f, .3153f, .382182f, .46325f, .561516f, .680625f,
            .825f, 1f,
        ];
        Assert.All(diffusers.Zip(ControlResiduals.GuessRamp(13)), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
        Assert.All(authors.Zip(ControlResiduals.SoftRamp(13)), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
    }

    [Fact]
    public void Each_residual_takes_its_own_scale() =>
        Assert.Equal([2f, 30f], Values(Two(1f, 10f).Scaled([2f, 3f])));

    [Fact]
    public void A_sum_adds_networks_pooled_or_not()
    {
        ControlResiduals image = new(
            [Tensor.From(_device, new Shape(1, 1, 2, 1), [1f, 3f])],
            Tensor.From(_device, new Shape(1, 1, 1, 1), [5f]));
        Assert.Equal([2f, 5f], Values(image.Pooled()));
        Assert.Equal([3f, 5f, 10f], Values(ControlResiduals.Sum(image, image.Pooled())));
        Assert.Equal([3f, 5f, 10f], Values(ControlResiduals.Sum(image.Pooled(), image)));
    }

    [Fact]
    public void Guess_mode_puts_zeros_before_the_conditional_half()
    {
        ControlResiduals both = Two(1f, 10f).WithUnconditionalZeros();
        Assert.Equal([0f, 1f, 0f, 10f], Values(both));
        Assert.Equal(new Shape(2, 1, 1, 1), both.Middle.Shape);
    }

    [Fact]
    public void Counts_that_differ_are_refused()
    {
        Assert.Equal(
            "the residuals take 2 scales, got 1; give one for each skip and one for the middle",
            Assert.Throws<ModelException>(() => Two(1f, 2f).Scaled([1f])).Message);
        ControlResiduals three = new([Two(1f, 2f).Middle, Two(1f, 2f).Middle], Two(1f, 2f).Middle);
        Assert.Equal(
            "one ControlNet makes 2 residuals, another 3: they were made for different base models; " +
            "choose networks of one base",
            Assert.Throws<ModelException>(() => ControlResiduals.Sum(Two(1f, 2f), three)).Message);
    }

    private ControlResiduals Two(float skip, float middle) => new(
        [Tensor.From(_device, new Shape(1, 1, 1, 1), [skip])], Tensor.From(_device, new Shape(1, 1, 1, 1), [middle]));

    private static float[] Values(ControlResiduals residuals) =>
        [.. residuals.Skips.SelectMany(skip => skip.ToArray()), .. residuals.Middle.ToArray()];
}
