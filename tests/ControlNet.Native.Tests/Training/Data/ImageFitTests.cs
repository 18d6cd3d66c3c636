using System;
using ControlNet.Native.Imaging;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class ImageFitTests
{
    /// <summary>Six columns of reds 0, 10, … 50, two rows; the second has greens of 100.</summary>
    private static readonly RgbImage s_wide = new(
        6, 2, [0, 0, 0, 10, 0, 0, 20, 0, 0, 30, 0, 0, 40, 0, 0, 50, 0, 0,
            0, 100, 0, 10, 100, 0, 20, 100, 0, 30, 100, 0, 40, 100, 0, 50, 100, 0]);

    [Fact]
    public void Crop_keeps_the_middle() =>
        Assert.Equal(
            [20, 0, 0, 30, 0, 0, 20, 100, 0, 30, 100, 0],
            ImageFitting.Apply(s_wide, 2, 2, ImageFit.Crop).Pixels.ToArray());

    [Fact]
    public void Crop_of_a_high_picture_cuts_above_and_below()
    {
        RgbImage high = new(1, 4, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);

        Assert.Equal([2, 2, 2, 3, 3, 3], ImageFitting.Apply(high, 1, 2, ImageFit.Crop).Pixels.ToArray());
    }

    [Fact]
    public void Stretch_keeps_everything() =>
        Assert.Equal(
            [5, 0, 0, 25, 0, 0, 45, 0, 0, 5, 100, 0, 25, 100, 0, 45, 100, 0],
            ImageFitting.Apply(s_wide, 3, 2, ImageFit.Stretch).Pixels.ToArray());

    [Fact]
    public void A_picture_of_the_size_asked_for_is_untouched()
    {
        Assert.Same(s_wide, ImageFitting.Apply(s_wide, 6, 2, ImageFit.Crop));
        Assert.Same(s_wide, ImageFitting.Apply(s_wide, 6, 2, ImageFit.Stretch));
    }

    [Fact]
    public void Extreme_proportions_need_no_extreme_memory()
    {
        RgbImage line = new(1, 20000, new byte[60000]);

        Assert.Equal((64, 64), Size(ImageFitting.Apply(line, 64, 64, ImageFit.Crop)));
        Assert.Equal((64, 1), Size(ImageFitting.Apply(line, 64, 1, ImageFit.Crop)));
    }

    private static (int Width, int Height) Size(RgbImage image) => (image.Width, image.Height);
}
