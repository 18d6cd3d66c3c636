using System;
using System.Linq;
using ControlNet.Datasets;
using ControlNet.Native.Imaging;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class CanvasTests
{
    private static readonly NamedColour s_black = new("black", 0, 0, 0), s_white = new("white", 255, 255, 255);

    [Fact]
    public void Sine_and_cosine_are_those_of_the_platform()
    {
        for (int i = -300; i <= 300; i++)
        {
            (double sine, double cosine) = UnitCircle.SineCosine(i / 90.0);
            Assert.Equal(Math.Sin(i / 90.0 * 2 * Math.PI), sine, 1e-13);
            Assert.Equal(Math.Cos(i / 90.0 * 2 * Math.PI), cosine, 1e-13);
        }
    }

    [Fact]
    public void A_half_covered_pixel_is_half_painted()
    {
        Canvas canvas = new(4, s_black);

        canvas.Fill(new Polygon([(0.25, 0.25), (0.875, 0.25), (0.875, 0.5), (0.25, 0.5)]), s_white);

        Assert.Equal(
            [0, 0, 0, 0, 0, 255, 255, 128, 0, 0, 0, 0, 0, 0, 0, 0],
            canvas.ToImage().Pixels.ToArray().Where((_, i) => i % 3 == 0));
    }

    [Fact]
    public void Hard_painting_knows_no_mixture()
    {
        Canvas canvas = new(16, s_black);

        canvas.FillHard(new Disc(0.5, 0.5, 0.3), s_white);

        Assert.Equal([0, 255], canvas.ToImage().Pixels.ToArray().Distinct().Order().Select(b => (int)b));
    }

    /// <summary>Covered area in image edges squared, against geometry: 32 pixels of 16 points a pixel.</summary>
    [Fact]
    public void Figures_cover_their_area()
    {
        const double Radius = 0.4;
        double pentagon = 2.5 * Radius * Radius * Math.Sin(2 * Math.PI / 5);
        double star = 5 * Radius * 0.2 * Math.Sin(Math.PI / 5);

        Assert.Equal(Math.PI * Radius * Radius, Area(new Disc(0.5, 0.5, Radius)), 2e-3);
        Assert.Equal(2 * Math.PI * Radius * 0.1, Area(new Disc(0.5, 0.5, Radius).Outline(0.1)), 2e-3);
        Assert.Equal(2 * Radius * Radius, Area(Polygon.Regular(4, 0.5, 0.5, Radius, 0.03)), 2e-3);
        Assert.Equal(pentagon, Area(Polygon.Regular(5, 0.5, 0.5, Radius, 0.01)), 2e-3);
        Assert.Equal(star, Area(Polygon.Star(5, 0.5, 0.5, Radius, 0.2, 0.01)), 2e-3);
    }

    /// <summary>Pixels passed over because no outline is near are as if each had been looked at.</summary>
    [Fact]
    public void Runs_leave_no_pixel_out()
    {
        SceneShape shape = new(ShapeKind.Cross, s_white, 0.5, 0.5, 0.45, 0.03, 1);
        Figure wobbly = new WobblyFigure(shape.Figure, 0.03, new RandomStream(3, 1, 0));

        foreach (Figure figure in new[] { shape.Figure, shape.Figure.Outline(0.02), wobbly, wobbly.Outline(0.05) })
        {
            Canvas runs = new(64, s_black), all = new(64, s_black);
            runs.Fill(figure, s_white);
            all.Fill(new Steep(figure), s_white);
            Assert.Equal(all.ToImage().Pixels.ToArray(), runs.ToImage().Pixels.ToArray());
        }
    }

    [Fact]
    public void Sizes_and_polygons_that_are_none_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Canvas(0, s_black));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Canvas(8193, s_black));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Polygon([(0, 0), (1, 1)]));
    }

    private static double Area(Figure figure)
    {
        Canvas canvas = new(32, s_black);
        canvas.Fill(figure, s_white);
        RgbImage image = canvas.ToImage();
        return image.Pixels.ToArray().Sum(b => b / 255.0) / image.Pixels.Length;
    }

    /// <summary>Says nothing of its surroundings, so that every pixel is counted out.</summary>
    private sealed class Steep(Figure inner) : Figure
    {
        public override double Steepness => 1e9;

        public override double Distance(double x, double y) => inner.Distance(x, y);
    }
}
