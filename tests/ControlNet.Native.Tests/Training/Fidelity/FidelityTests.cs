using System;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class FidelityTests
{
    private static readonly NamedColour s_red = new("red", 200, 0, 0), s_blue = new("blue", 0, 0, 200);
    private static readonly NamedColour[] s_palette = [s_red, s_blue];

    /// <summary>A red picture with a blue rectangle.</summary>
    private static RgbImage Box(int left, int top, int width, int height, int size = 16)
    {
        byte[] rgb = new byte[size * size * 3];
        for (int i = 0; i < size * size; i++)
        {
            int x = i % size - left, y = i / size - top;
            bool inside = x >= 0 && x < width && y >= 0 && y < height;
            rgb[3 * i + (inside ? 2 : 0)] = 200;
        }

        return new RgbImage(size, size, rgb);
    }

    private static PixelMask Rectangle(int left, int top, int width, int height) => new(
        16, 16, (x, y) => x >= left && x < left + width && y >= top && y < top + height);

    [Fact]
    public void Masks_are_counted_joined_grown_and_shrunk()
    {
        PixelMask mask = Rectangle(4, 4, 4, 2);

        Assert.Equal(8, mask.Count);
        Assert.Equal(256 - 8, mask.Complement().Count);
        Assert.Equal(2, mask.Intersect(Rectangle(7, 4, 4, 4)).Count);
        Assert.Equal(8 + 16 - 2, mask.Union(Rectangle(7, 4, 4, 4)).Count);
        Assert.Equal(6 * 4, mask.Grow(1).Count);
        Assert.Equal(5 * 4, Rectangle(0, 0, 4, 3).Grow(1).Count); // nothing grows beyond the edge
        Assert.Equal(2, Rectangle(4, 4, 4, 3).Shrink(1).Count);
        Assert.Equal(256, Rectangle(0, 0, 16, 16).Shrink(3).Count);
        Assert.True(mask[4, 4]);
        Assert.False(mask[-1, 4] || mask[16, 0] || mask[4, 3]);
    }

    [Fact]
    public void Foreground_is_what_differs_from_the_border()
    {
        PixelMask mask = MaskIoU.Foreground(Box(5, 6, 4, 3));

        Assert.Equal(12, mask.Count);
        Assert.Equal(12, mask.Intersect(Rectangle(5, 6, 4, 3)).Count);
        Assert.Equal(12, MaskIoU.Foreground(Box(0, 6, 4, 3)).Count); // a piece of the border does not change its median
        Assert.Equal(0, MaskIoU.Foreground(Box(5, 6, 4, 3), 283).Count); // 200 * sqrt 2 = 282.8
        Assert.Equal(12, MaskIoU.Foreground(Box(5, 6, 4, 3), 282).Count);
    }

    [Theory]
    [InlineData(4, 4, 1)]
    [InlineData(6, 4, 8 / 24.0)]
    [InlineData(8, 4, 0)]
    public void Overlap_is_shared_pixels_by_all(int left, int top, double expected)
    {
        Assert.Equal(expected, MaskIoU.Of(Box(4, 4, 4, 4), Box(left, top, 4, 4)), 12);
        Assert.Equal(1, MaskIoU.Of(Box(0, 0, 0, 0), Box(0, 0, 0, 0)));
    }

    [Fact]
    public void Edges_are_where_a_channel_changes_by_the_threshold_a_pixel()
    {
        Assert.Equal(2 * 16, EdgeF1.Edges(Box(8, 0, 8, 16)).Count); // the columns on both sides
        Assert.Equal(2 * 16, EdgeF1.Edges(Box(0, 8, 16, 8), 100).Count); // 200 over two pixels
        Assert.Equal(0, EdgeF1.Edges(Box(0, 8, 16, 8), 100.1).Count);
        Assert.Equal(0, EdgeF1.Edges(Box(0, 0, 0, 0)).Count);
    }

    [Fact]
    public void Lines_are_the_bright_pixels_of_a_hint() =>
        Assert.Equal(1, EdgeF1.Lines(new RgbImage(3, 1, [127, 127, 127, 128, 128, 128, 255, 0, 255])).Count);

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 0)]
    public void An_edge_counts_within_the_tolerance(int shift, double expected)
    {
        EdgeScore score = EdgeF1.Of(Rectangle(6 + shift, 0, 1, 16), Rectangle(6, 0, 1, 16), tolerance: 2);

        Assert.Equal((expected, expected, expected), (score.Precision, score.Recall, score.F1));
    }

    [Fact]
    public void Precision_counts_what_is_too_much_and_recall_what_is_missing()
    {
        PixelMask left = Rectangle(2, 0, 1, 16), both = left.Union(Rectangle(12, 0, 1, 16));

        Assert.Equal(new EdgeScore(0.5, 1), EdgeF1.Of(both, left));
        Assert.Equal(new EdgeScore(1, 0.5), EdgeF1.Of(left, both));
        Assert.Equal(2 / 3.0, EdgeF1.Of(left, both).F1, 12);
        Assert.Equal(new EdgeScore(1, 0), EdgeF1.Of(Rectangle(0, 0, 0, 0), left));
        Assert.Equal(1, EdgeF1.Of(Box(3, 3, 5, 5), Box(4, 4, 5, 5)).F1);
        Assert.InRange(EdgeF1.Of(Box(1, 1, 4, 4), Box(10, 10, 4, 4)).F1, 0, 0.1);
    }

    [Fact]
    public void A_pixel_has_the_nearest_colour()
    {
        Assert.Equal(s_red, ColourAccuracy.Nearest(s_palette, 120, 90, 100));
        Assert.Equal(s_blue, ColourAccuracy.Nearest(s_palette, 100, 90, 120));
        Assert.Throws<ArgumentException>(() => ColourAccuracy.Nearest([], 0, 0, 0));
    }

    [Fact]
    public void Colours_are_right_by_pixels_and_by_regions()
    {
        RgbImage image = Box(0, 0, 4, 16);
        ColourRegion mostlyBlue = new(Rectangle(0, 0, 5, 16), s_blue), mostlyRed = new(Rectangle(2, 0, 8, 16), s_blue);

        Assert.Equal(0.8, ColourAccuracy.OfPixels(image, mostlyBlue, s_palette), 12);
        Assert.Equal(0.25, ColourAccuracy.OfPixels(image, mostlyRed, s_palette), 12);
        Assert.Equal(0.5, ColourAccuracy.OfRegions(image, [mostlyBlue, mostlyRed], s_palette));
        ColourRegion none = new(Rectangle(0, 0, 0, 0), s_red);
        Assert.Equal(1, ColourAccuracy.OfRegions(image, [mostlyBlue, none], s_palette));
        Assert.Equal((1, 1), (ColourAccuracy.OfPixels(image, none, s_palette),
            ColourAccuracy.OfRegions(image, [none], s_palette)));
        Assert.Equal([0.75, 0.25], ColourAccuracy.Shares(image, s_palette));
    }

    [Fact]
    public void Sizes_that_differ_are_refused()
    {
        PixelMask small = new(8, 4, (_, _) => true);

        Assert.Equal(
            "PixelMask.Intersect: masks of 8 x 4 and 16 x 16 pixels; resize the picture behind one of them",
            Assert.Throws<ShapeException>(() => MaskIoU.Of(small, Rectangle(0, 0, 1, 1))).Message);
        Assert.Equal(
            "PixelMask.Union: masks of 8 x 4 and 16 x 16 pixels; resize the picture behind one of them",
            Assert.Throws<ShapeException>(() => small.Union(Rectangle(0, 0, 1, 1))).Message);
        Assert.Equal(
            "ColourAccuracy: a region of 8 x 4 pixels for a picture of 16 x 16; make both for one size",
            Assert.Throws<ShapeException>(
                () => ColourAccuracy.OfPixels(Box(0, 0, 1, 1), new(small, s_red), s_palette)).Message);
    }
}
