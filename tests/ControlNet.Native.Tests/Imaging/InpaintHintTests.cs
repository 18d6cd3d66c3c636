using System;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Pipeline;
using Xunit;

namespace ControlNet.Native.Tests.Imaging;

/// <summary>Hints of inpainting ControlNets, and masks.</summary>
public sealed class InpaintHintTests
{
    [Fact]
    public void The_picture_in_0_to_1_and_minus_1_under_the_mask()
    {
        RgbImage image = TinyPipeline.Hint(5, 3);
        RgbImage mask = ImageToImageTests.Mask(5, 3, (x, y) => x > y);
        float[] hint = InpaintHint.Of(image, mask, 5, 3);
        Assert.Equal(45, hint.Length);
        for (int i = 0; i < hint.Length; i++)
        {
            bool masked = i / 3 % 5 > i / 15;
            Assert.Equal(masked ? -1f : image.Pixels[i] / 255f, hint[i]);
        }
    }

    [Fact]
    public void Both_are_stretched()
    {
        RgbImage image = TinyPipeline.Hint(10, 6);
        RgbImage mask = ImageToImageTests.Mask(3, 2, (x, _) => x == 1);
        Assert.Equal(
            InpaintHint.Of(image.Resize(24, 16), mask.Resize(24, 16), 24, 16), InpaintHint.Of(image, mask, 24, 16));
        Assert.Throws<ArgumentNullException>(() => InpaintHint.Of(image, null!, 24, 16));
        Assert.Throws<ArgumentNullException>(() => InpaintHint.Of(null!, mask, 24, 16));
    }

    [Theory]
    [InlineData(127, 127, 127, false)]
    [InlineData(128, 128, 128, true)]
    [InlineData(255, 0, 0, false)] // 76 of 255
    [InlineData(0, 255, 0, true)] // 150
    [InlineData(0, 0, 255, false)]
    [InlineData(255, 255, 0, true)]
    public void A_mask_is_white_from_half_grey_on(byte red, byte green, byte blue, bool repainted)
    {
        RgbImage mask = new(1, 1, [red, green, blue]);
        Assert.Equal(repainted, RepaintMask.From(mask, 1, 1)[0, 0]);
    }

    [Fact]
    public void A_latent_takes_the_top_left_of_its_pixels()
    {
        RgbImage mask = ImageToImageTests.Mask(24, 16, (x, y) => (x, y) is (8, 0) or (7, 7) or (0, 8) or (23, 15));
        float[] latents = RepaintMask.From(mask, 24, 16).Latents(8, 2);
        Assert.Equal([0, 1, 0, 1, 0, 0], latents.Where((_, i) => i % 2 == 0));
        Assert.Equal([0, 1, 0, 1, 0, 0], latents.Where((_, i) => i % 2 == 1));
    }
}
