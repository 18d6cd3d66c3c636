using System;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Imaging;

public sealed class RgbImageTests
{
    private static readonly byte[] s_rgb = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]; // 2 x 2

    [Theory]
    [InlineData(PixelLayout.Rgb24, 0, false)]
    [InlineData(PixelLayout.Rgb24, 11, true)]
    [InlineData(PixelLayout.Rgba32, 0, true)]
    [InlineData(PixelLayout.Rgba32, 16, false)]
    [InlineData(PixelLayout.Bgra32, 9, false)]
    public void Memory_of_every_layout_comes_back(PixelLayout layout, int stride, bool bottomUp)
    {
        int pixelBytes = layout == PixelLayout.Rgb24 ? 3 : 4;
        byte[] memory = new byte[(stride == 0 ? 2 * pixelBytes : stride) + 2 * pixelBytes];

        new RgbImage(2, 2, s_rgb).CopyTo(memory, layout, stride, bottomUp);

        Assert.Equal(s_rgb, RgbImage.FromPixels(memory, 2, 2, layout, stride, bottomUp).Pixels.ToArray());
    }

    [Fact]
    public void Bytes_go_where_the_layout_says_and_padding_is_left_alone()
    {
        byte[] memory = Enumerable.Repeat((byte)99, 18).ToArray();

        new RgbImage(2, 2, s_rgb).CopyTo(memory, PixelLayout.Bgra32, strideBytes: 10, bottomUp: true);

        Assert.Equal([9, 8, 7, 255, 12, 11, 10, 255, 99, 99, 3, 2, 1, 255, 6, 5, 4, 255], memory);
    }

    [Fact]
    public void Transparency_is_laid_over_white_as_the_reference_does() =>
        Assert.Equal(
            RgbImage.Load(Repository.Golden("annotators", "hwc3_rgba.png")).Pixels.ToArray(),
            RgbImage.Load(Repository.Golden("annotators", "in_rgba.png")).Pixels.ToArray());

    [Fact]
    public void A_texture_and_a_file_of_the_same_pixels_give_the_same_picture()
    {
        PngImage image = PngImage.Load(Repository.Golden("annotators", "in_rgba.png"));

        RgbImage texture = RgbImage.FromPixels(image.ToRgba8(), image.Width, image.Height, PixelLayout.Rgba32);

        Assert.Equal(image.ToRgb().Pixels.ToArray(), texture.Pixels.ToArray());
    }

    [Fact]
    public void The_picture_does_not_follow_the_memory_it_was_made_of()
    {
        byte[] rgb = [1, 2, 3];
        RgbImage image = new(1, 1, rgb);

        rgb[0] = 9;

        Assert.Equal(1, image.Pixels[0]);
    }

    [Fact]
    public void Sizes_that_do_not_fit_are_refused()
    {
        Assert.Equal(
            "RgbImage: 2 x 2 RGB pixels need 12 bytes, rgb has 11; pass rows without padding, or use FromPixels " +
            "with a stride",
            Assert.Throws<ShapeException>(() => new RgbImage(2, 2, new byte[11])).Message);
        Assert.Equal(
            "RgbImage.FromPixels: 2 x 2 Rgba32 pixels with a stride of 9 bytes need 17 bytes, pixels has 16",
            Assert.Throws<ShapeException>(
                () => RgbImage.FromPixels(new byte[16], 2, 2, PixelLayout.Rgba32, 9)).Message);
        Assert.Equal(
            "RgbImage.CopyTo: strideBytes is 5, a row of 2 Rgb24 pixels has 6 bytes; pass the bytes from one row " +
            "to the next, or 0 for rows without padding",
            Assert.Throws<ShapeException>(
                () => new RgbImage(2, 2, s_rgb).CopyTo(new byte[99], PixelLayout.Rgb24, 5)).Message);
        Assert.Equal(
            "RgbImage: a picture of 0 x 5 pixels; both must be at least 1 and the product at most 67108864",
            Assert.Throws<ShapeException>(() => new RgbImage(0, 5, [])).Message);
        Assert.Throws<ShapeException>(() => new RgbImage(int.MaxValue, int.MaxValue, []));
        Assert.Throws<ShapeException>(() => RgbImage.FromPixels(new byte[9], 2, 2, PixelLayout.Rgb24, int.MaxValue));
        Assert.Throws<ShapeException>(() => RgbImage.FromPixels(new byte[99], 2, 2, (PixelLayout)7));
        Assert.Throws<ShapeException>(() => RgbImage.FromFloats(new float[11], 2, 2, PixelRange.ZeroToOne));
        Assert.Throws<ShapeException>(() => new RgbImage(2, 2, s_rgb).CopyTo(new float[13], PixelRange.ZeroToOne));
        Assert.Throws<ShapeException>(() => new RgbImage(2, 2, s_rgb).Resize(-1, 2));
    }

    [Theory]
    [InlineData(PixelRange.ZeroToOne)]
    [InlineData(PixelRange.MinusOneToOne)]
    public void Floats_of_every_step_come_back(PixelRange range)
    {
        byte[] steps = [.. Enumerable.Range(0, 256 * 3).Select(i => (byte)i)];
        RgbImage image = new(256, 1, steps);

        Assert.Equal(steps, RgbImage.FromFloats(image.ToFloats(range), 256, 1, range).Pixels.ToArray());
    }

    [Fact]
    public void Floats_are_those_of_the_reference()
    {
        RgbImage image = new(1, 1, [0, 51, 255]);

        Assert.Equal([0f, 51 / 255f, 1f], image.ToFloats(PixelRange.ZeroToOne));
        Assert.Equal([-1f, 2f * (51 / 255f) - 1f, 1f], image.ToFloats(PixelRange.MinusOneToOne));
    }

    [Fact]
    public void Floats_are_clamped_and_rounded_as_asked()
    {
        float[] values = [-0.5f, 1.5f, float.NaN, 100.5f / 255f, 100.9f / 255f, 101.5f / 255f];

        RgbImage rounded = RgbImage.FromFloats(values, 2, 1, PixelRange.ZeroToOne);
        RgbImage truncated = RgbImage.FromFloats(values, 2, 1, PixelRange.ZeroToOne, PixelRounding.Truncate);

        Assert.Equal([0, 255, 0, 100, 101, 102], rounded.Pixels.ToArray());
        Assert.Equal([0, 255, 0, 100, 100, 101], truncated.Pixels.ToArray());
        Assert.Equal(
            [0, 255, 128, 0, 255, 64],
            RgbImage.FromFloats([-1f, 1f, 0f, -3f, float.PositiveInfinity, -0.5f], 2, 1, PixelRange.MinusOneToOne)
                .Pixels.ToArray()); // 127.5 goes to the even 128
    }
}
