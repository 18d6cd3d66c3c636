using System;
using System.Linq;
using ControlNet.Native.Imaging;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>How hints come to the size of the result.</summary>
public sealed class HintResizeTests
{
    [Theory]
    [InlineData(80, 48)]
    [InlineData(24, 40)]
    [InlineData(1, 1)]
    public void To_stretch_is_to_resize_the_picture(int width, int height)
    {
        RgbImage image = TinyPipeline.Hint(width, height);
        Assert.Equal(
            image.Resize(40, 24).ToFloats(PixelRange.ZeroToOne), ((ControlHint)image).At(40, 24, HintResize.Stretch));
    }

    [Theory]
    [InlineData(57, 24)] // as high: 17 columns too many, 8 go on the left
    [InlineData(40, 49)]
    [InlineData(114, 48)] // halved
    [InlineData(20, 12)] // doubled, nothing to cut
    [InlineData(20, 30)]
    public void To_crop_keeps_the_middle(int width, int height)
    {
        RgbImage image = TinyPipeline.Hint(width, height);
        double scale = Math.Max(40.0 / width, 24.0 / height);
        RgbImage scaled = image.Resize((int)Math.Round(width * scale), (int)Math.Round(height * scale));
        int left = (scaled.Width - 40) / 2, top = (scaled.Height - 24) / 2;
        float[] expected = scaled.ToFloats(PixelRange.ZeroToOne);
        float[] actual = ((ControlHint)image).At(40, 24, HintResize.Crop);
        for (int i = 0; i < actual.Length; i++)
        {
            (int x, int y, int c) = (i / 3 % 40, i / 3 / 40, i % 3);
            Assert.Equal(expected[(3 * (((y + top) * scaled.Width) + x + left)) + c], actual[i]);
        }
    }

    [Theory]
    [InlineData(24, 24)]
    [InlineData(40, 9)]
    [InlineData(12, 12)]
    [InlineData(99, 33)]
    [InlineData(3, 200)]
    public void To_fill_pads_with_the_colour_of_the_edges(int width, int height)
    {
        byte[] rgb = TinyPipeline.Hint(width, height).Pixels.ToArray();
        for (int i = 0; i < rgb.Length; i++)
        {
            (int x, int y) = (i / 3 % width, i / 3 / width);
            bool isEdge = x == 0 || y == 0 || x == width - 1 || y == height - 1;
            rgb[i] = isEdge ? (byte)(50 * (i % 3)) : rgb[i];
        }

        RgbImage image = new(width, height, rgb);
        double scale = Math.Min(40.0 / width, 24.0 / height);
        RgbImage scaled = image.Resize(
            Math.Max(1, (int)Math.Round(width * scale)), Math.Max(1, (int)Math.Round(height * scale)));
        int left = (40 - scaled.Width) / 2, top = (24 - scaled.Height) / 2;
        float[] expected = scaled.ToFloats(PixelRange.ZeroToOne);
        float[] actual = ((ControlHint)image).At(40, 24, HintResize.Fill);
        for (int i = 0; i < actual.Length; i++)
        {
            (int x, int y, int c) = ((i / 3 % 40) - left, (i / 3 / 40) - top, i % 3);
            bool isInside = x >= 0 && y >= 0 && x < scaled.Width && y < scaled.Height;
            Assert.Equal(isInside ? expected[(3 * ((y * scaled.Width) + x)) + c] : 50 * c / 255f, actual[i]);
        }
    }

    [Theory]
    [InlineData(HintResize.Stretch)]
    [InlineData(HintResize.Crop)]
    [InlineData(HintResize.Fill)]
    public void Floats_go_the_same_way_without_rounding(HintResize resize)
    {
        RgbImage image = TinyPipeline.Hint(33, 50);
        ControlHint floats = ControlHint.FromFloats(image.ToFloats(PixelRange.ZeroToOne), 33, 50, 3);
        float[] eight = ((ControlHint)image).At(40, 24, resize), exact = floats.At(40, 24, resize);
        Assert.All(eight.Zip(exact), pair => Assert.Equal(pair.First, pair.Second, 0.5001 / 255));
        Assert.Contains(eight.Zip(exact), pair => pair.First != pair.Second);
    }

    [Fact]
    public void The_size_of_the_result_is_left_alone()
    {
        ControlHint hint = TinyPipeline.Hint(40, 24);
        Assert.All(Enum.GetValues<HintResize>(), resize => Assert.Equal(hint.ToFloats(), hint.At(40, 24, resize)));
    }

    [Fact]
    public void No_channel_leaves_its_range()
    {
        // A step, which a cubic overshoots, beside a channel that is flat.
        float[] step = [.. Enumerable.Range(0, 64).SelectMany(i => new[] { i % 8 < 4 ? -1f : 1f, 0.3f })];
        float[] larger = ControlHint.FromFloats(step, 8, 8, 2).At(40, 24, HintResize.Stretch);
        Assert.All(larger.Chunk(2), pixel => Assert.InRange(pixel[0], -1, 1));
        Assert.All(larger.Chunk(2), pixel => Assert.Equal(0.3f, pixel[1]));
        Assert.Contains(larger.Chunk(2), pixel => pixel[0] is > -0.9f and < 0.9f);
    }

    [Fact]
    public void Extreme_proportions_take_no_more_than_the_result()
    {
        // Scaled whole, this would be 16,777,216 x 4,096 pixels.
        ControlHint line = new RgbImage(4096, 1, [.. Enumerable.Range(0, 3 * 4096).Select(i => (byte)(i / 3 / 16))]);
        float[] cropped = line.At(4096, 4096, HintResize.Crop);
        Assert.Equal([127 / 255f, 128 / 255f], cropped.Distinct().Order());
        Assert.Equal(3 * 8 * 8, line.At(8, 8, HintResize.Fill).Length);
    }
}
