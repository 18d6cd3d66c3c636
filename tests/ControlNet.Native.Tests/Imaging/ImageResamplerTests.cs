using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Imaging;

public sealed class ImageResamplerTests
{
    /// <summary>
    /// OpenCV's area where both axes shrink and its cubic where both grow; its own rounding is off by up to 1.
    /// </summary>
    [Fact]
    public void Agrees_with_OpenCv_within_one()
    {
        using JsonDocument manifest =
            JsonDocument.Parse(File.ReadAllBytes(Repository.Golden("annotators", "annotators.json")));
        int compared = 0;
        foreach (JsonElement entry in manifest.RootElement.GetProperty("resize").GetProperty("cases").EnumerateArray())
        {
            string mode = entry.GetProperty("mode").GetString()!, name = entry.GetProperty("image").GetString()!;
            int width = entry.GetProperty("out_w").GetInt32(), height = entry.GetProperty("out_h").GetInt32();
            RgbImage image = RgbImage.Load(Repository.Golden("annotators", $"in_{name}.png"));
            bool shrinks = mode == "area" && width <= image.Width && height <= image.Height;
            bool grows = mode == "cubic" && width >= image.Width && height >= image.Height;
            if (!shrinks && !grows)
            {
                continue;
            }

            string file = entry.GetProperty("file").GetString()!;
            byte[] expected = RgbImage.Load(Repository.Golden("annotators", file)).Pixels.ToArray();
            byte[] actual = image.Resize(width, height).Pixels.ToArray();
            int worst = expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max();
            Assert.True(worst <= 1, $"{mode} {name} to {width} x {height}: off by {worst}");
            Assert.Equal(expected.Length, actual.Length);
            compared++;
        }

        Assert.InRange(compared, 8, 50);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 200)]
    [InlineData(200, 3)]
    [InlineData(97, 97)]
    [InlineData(1000, 1)]
    public void A_flat_picture_stays_flat(int width, int height)
    {
        RgbImage flat = new(61, 47, Enumerable.Repeat((byte)255, 61 * 47 * 3).ToArray());

        RgbImage resized = flat.Resize(width, height);

        Assert.Equal((width, height), (resized.Width, resized.Height));
        Assert.All(resized.Pixels.ToArray(), value => Assert.Equal(255, value));
    }

    [Fact]
    public void Halving_averages_four_pixels()
    {
        RgbImage image = new(2, 2, [0, 10, 20, 4, 10, 21, 8, 10, 22, 12, 10, 23]);

        Assert.Equal([6, 10, 22], image.Resize(1, 1).Pixels.ToArray()); // 21.5 goes to the even 22
    }

    [Fact]
    public void The_same_size_is_the_same_picture()
    {
        RgbImage image = new(1, 2, [1, 2, 3, 4, 5, 6]);

        Assert.Same(image, image.Resize(1, 2));
    }
}
