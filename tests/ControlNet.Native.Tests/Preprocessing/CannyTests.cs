using System;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;
using Xunit;

namespace ControlNet.Native.Tests.Preprocessing;

public sealed class CannyTests
{
    /// <summary>Pictures of 1 to 40 pixels an edge, from noise to smooth, with thresholds all over the range.</summary>
    [Fact]
    public void Equals_its_plain_definition_for_any_picture()
    {
        Random random = new(20240611);
        int edges = 0, weakOnly = 0;
        for (int i = 0; i < 400; i++)
        {
            RgbImage image = Pictures.Any(random);
            double reach = random.Next(3) switch { 0 => 60, 1 => 600, _ => 2100 };
            CannyOptions options = new()
            {
                Low = random.NextDouble() * reach,
                High = random.NextDouble() * reach,
                L2 = random.Next(2) == 0,
                Grey = random.Next(3) == 0,
            };

            byte[] actual = Canny.Apply(image, options).Pixels.ToArray();

            RgbImage seen = options.Grey ? Grey.Apply(image) : image;
            bool[,] expected = PlainCanny.Edges(seen, options.Low, options.High, options.L2);
            Assert.True(
                White(expected).SequenceEqual(actual), $"picture {i}, {image.Width} x {image.Height}, {options}");
            int found = expected.Cast<bool>().Count(edge => edge);
            edges += found;
            bool[,] strong = PlainCanny.Edges(
                seen, Math.Max(options.Low, options.High), Math.Max(options.Low, options.High), options.L2);
            weakOnly += found - strong.Cast<bool>().Count(edge => edge);
        }

        // The pictures are worth something: there are edges, and some only by being connected with stronger ones.
        Assert.True(edges > 10_000 && weakOnly > 1000, $"{edges} edges, {weakOnly} of them weak");
    }

    [Fact]
    public void A_large_picture_equals_its_plain_definition()
    {
        Random random = new(7);
        RgbImage image = Pictures.Smooth(random, 301, 203);

        byte[] actual = Canny.Apply(image, new CannyOptions { Low = 20, High = 60 }).Pixels.ToArray();

        byte[] expected = White(PlainCanny.Edges(image, 20, 60, squared: false));
        Assert.Contains((byte)255, expected);
        Assert.Equal(expected, actual);
    }

    [Theory]
    [InlineData(-1, 200, "CannyOptions.Low is -1, but must be from 0 to 32767")]
    [InlineData(100, 32768, "CannyOptions.High is 32768, but must be from 0 to 32767")]
    [InlineData(double.NaN, 200, "CannyOptions.Low is NaN, but must be from 0 to 32767")]
    public void A_threshold_out_of_its_range_is_refused(double low, double high, string sentence)
    {
        PreprocessingException refused = Assert.Throws<PreprocessingException>(
            () => Canny.Apply(Pictures.Smooth(new Random(1), 4, 4), new CannyOptions { Low = low, High = high }));
        Assert.Equal(sentence, refused.Message);
    }

    /// <summary>Three bytes a pixel, as a picture has them.</summary>
    private static byte[] White(bool[,] edges) =>
        [.. edges.Cast<bool>().SelectMany(edge => Enumerable.Repeat(edge ? (byte)255 : (byte)0, 3))];
}
