using System;
using System.Drawing;
using System.Linq;
using ControlNet.Datasets;
using ControlNet.Native.Imaging;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class Fill50kTests
{
    [Fact]
    public void Css_colours_are_those_of_the_runtime()
    {
        Assert.Equal(139, CssColours.All.Count);
        Assert.Distinct(CssColours.All.Select(colour => (colour.Red, colour.Green, colour.Blue)));
        Assert.All(CssColours.All, colour =>
        {
            Color known = Color.FromName(colour.Name.Replace(" ", "", StringComparison.Ordinal));
            Assert.True(known.IsKnownColor, colour.Name);
            Assert.Equal((known.R, known.G, known.B), (colour.Red, colour.Green, colour.Blue));
        });
        Assert.Contains(CssColours.All, colour => colour.Name == "burly wood");
    }

    [Fact]
    public void The_prompt_names_the_colours_and_the_outline_lies_round_the_circle()
    {
        Fill50k set = new(seed: 1, size: 128);
        for (int i = 0; i < 50; i++)
        {
            DrawnSample sample = set.Draw(i);
            string[] names = sample.Prompt.Split(" circle with ");
            NamedColour inside = CssColours.All.Single(colour => colour.Name == names[0]);
            NamedColour outside = CssColours.All.Single(colour => $"{colour.Name} background" == names[1]);
            double share = ColourAccuracy.Shares(sample.Target, [inside, outside])[0];
            Assert.InRange(share, Math.PI * 0.08 * 0.08 * 0.95, Math.PI * 0.3 * 0.3 * 1.05);
            Assert.Equal(
                (outside.Red, outside.Green, outside.Blue),
                (sample.Target.Pixels[0], sample.Target.Pixels[1], sample.Target.Pixels[2]));
            RgbImage hint = Assert.Single(sample.Hints);
            PixelMask circle = new(128, 128, (x, y) =>
            {
                ReadOnlySpan<byte> pixel = sample.Target.Pixels.Slice((y * 128 + x) * 3, 3);
                return ColourAccuracy.Nearest([inside, outside], pixel[0], pixel[1], pixel[2]) == inside;
            });
            PixelMask rim = circle.Intersect(circle.Shrink(1).Complement());
            Assert.Equal(1, EdgeF1.Of(rim, EdgeF1.Lines(hint), tolerance: 1).F1);
        }
    }

    [Fact]
    public void Drawings_are_the_same_on_every_machine() =>
        Assert.Equal("fe3f56b338f96ea3469feadcd8ca751c", ShapesTests.Digests(new Fill50k(9, 96)));
}
