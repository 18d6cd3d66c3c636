using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Xml.Linq;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class LossPlotTests
{
    private static readonly XNamespace s_svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void The_text_depends_on_the_metrics_alone_and_is_sound_xml()
    {
        TrainingMetrics[] run = Run(5000);
        string plot = LossPlot.Svg(run, new LossPlotOptions { Title = "a < b & \"c\" \u0001\ud800" });
        Assert.Equal(plot, LossPlot.Svg(Run(5000), new LossPlotOptions { Title = "a < b & \"c\" \u0001\ud800" }));
        Assert.NotEqual(plot, LossPlot.Svg(run[..^1]));
        XElement root = XDocument.Parse(plot).Root!;
        Assert.Equal("a < b & \"c\" ", root.Attribute("aria-label")!.Value);
        Assert.Contains("prefers-color-scheme: dark", plot, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", plot, StringComparison.Ordinal);
        Assert.DoesNotContain("\u221e", plot, StringComparison.Ordinal);

        // A column of pixels holds one point, however many steps there are.
        Assert.InRange(plot.Length, 20_000, 60_000);
    }

    [Fact]
    public void Convergence_is_marked_where_fidelity_first_reaches_the_threshold()
    {
        TrainingMetrics[] run = Run(5000);
        Assert.Equal(3200, LossPlot.ConvergedAt(run, 0.75));
        Assert.Contains("converged at step 3200", Texts(LossPlot.Svg(run)));
        Assert.Null(LossPlot.ConvergedAt(run, 0.99));
        Assert.DoesNotContain(
            Texts(LossPlot.Svg(run, new LossPlotOptions { ConvergedFidelity = 0.99 })),
            text => text.StartsWith("converged", StringComparison.Ordinal));
        Assert.DoesNotContain(
            Texts(LossPlot.Svg(run, new LossPlotOptions { ConvergedFidelity = null })),
            text => text.StartsWith("converged", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_fidelity_there_is_no_second_axis()
    {
        TrainingMetrics[] run = [.. Run(100).Select(step => step with { Fidelity = null })];
        Assert.DoesNotContain("fidelity", Texts(LossPlot.Svg(run)));
        Assert.Contains("fidelity", Texts(LossPlot.Svg(Run(100))));
        Assert.DoesNotContain("fidelity", Texts(LossPlot.Svg([])));
    }

    /// <summary>Every coordinate lies in the picture, whatever the values are.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Odd_runs_are_drawn_inside_the_frame(bool logarithmic)
    {
        LossPlotOptions options = new() { LogarithmicLoss = logarithmic, Width = 320, Height = 200 };
        TrainingMetrics[][] runs =
        [
            [],
            [Step(1, 0.5)],
            [Step(1, 0.5), Step(2, 0.5)],
            [Step(1, double.NaN), Step(2, double.PositiveInfinity)],
            [Step(1, 0), Step(2, 1e-30), Step(3, 1e30)],
            [Step(1, 1e-7) with { Fidelity = -3 }, Step(1_000_000_000, 1e-7) with { Fidelity = 7 }],
            [Step(1, 0.1) with { Fidelity = double.NaN }],
        ];
        foreach (TrainingMetrics[] run in runs)
        {
            XElement root = XDocument.Parse(LossPlot.Svg(run, options)).Root!;
            foreach (XElement path in root.Elements(s_svg + "path").Where(e => e.Attribute("class")!.Value != "grid"))
            {
                foreach (string word in path.Attribute("d")!.Value.Split(
                    ['M', 'L', 'H', 'V', 'Z', 'h', ' '], StringSplitOptions.RemoveEmptyEntries))
                {
                    double place = double.Parse(word, System.Globalization.CultureInfo.InvariantCulture);
                    Assert.InRange(place, 0, 320);
                }
            }
        }
    }

    [Theory]
    [InlineData(0.03, 0.9, "0.03 0.1 0.3 1")]
    [InlineData(1e-5, 1, "1e-5 1e-4 0.001 0.01 0.1 1")]
    [InlineData(0.1, 0.12, "0.1 0.105 0.11 0.115 0.12")]
    public void Logarithmic_axes_have_round_numbers(double low, double high, string expected) =>
        Assert.Equal(expected, Labels(PlotAxis.Logarithmic(low, high, 0, 100).Ticks(5)));

    [Theory]
    [InlineData(0, 1, "0 0.2 0.4 0.6 0.8 1")]
    [InlineData(0, 5000, "0 1000 2000 3000 4000 5000")]
    [InlineData(0, 3, "0 1 2 3")]
    [InlineData(0, 0, "0 0.2 0.4 0.6 0.8 1")]
    public void Linear_axes_have_round_numbers(double low, double high, string expected) =>
        Assert.Equal(expected, Labels(PlotAxis.Linear(low, high, 0, 100).Ticks(5)));

    [Fact]
    public void Axes_take_values_to_pixels()
    {
        PlotAxis linear = PlotAxis.Linear(0, 10, 300, 100);
        Assert.Equal((300, 100, 250), (linear.Position(0), linear.Position(10), linear.Position(2.5)));
        PlotAxis logarithmic = PlotAxis.Logarithmic(0.01, 1, 300, 100);
        Assert.Equal(200, logarithmic.Position(0.1), 1e-9);
        Assert.InRange(logarithmic.Position(0.01), 285, 299);
    }

    [Fact]
    public void The_average_starts_without_a_bias()
    {
        ExponentialAverage average = new(0.9);
        Assert.True(double.IsNaN(average.Value));
        Assert.Equal(4, average.Add(4), 1e-12);
        Assert.Equal((0.9 * 4 + 2) / 1.9, average.Add(2), 1e-12);
        Assert.Equal(average.Value, average.Add(double.NaN));
    }

    [Fact]
    public void A_plot_is_saved_whole()
    {
        using ScratchFolder scratch = new();
        LossPlot.Save(scratch.Path("loss.svg"), Run(50));
        Assert.Equal(LossPlot.Svg(Run(50)), File.ReadAllText(scratch.Path("loss.svg")));
        Assert.Single(Directory.GetFileSystemEntries(scratch.Root));
    }

    private static string Labels(IEnumerable<PlotTick> ticks) => string.Join(' ', ticks.Select(tick => tick.Label));

    private static IEnumerable<string> Texts(string svg) =>
        XDocument.Parse(svg).Descendants(s_svg + "text").Select(text => text.Value);

    private static TrainingMetrics Step(long step, double loss) => new(step, loss, 1e-5, 1, 10);

    /// <summary>A run that converges suddenly at step 3200, its loss a decaying line with noise.</summary>
    private static TrainingMetrics[] Run(int steps)
    {
        TrainingRandom random = new(1);
        return
        [
            .. Enumerable.Range(1, steps).Select(step => Step(
                step, (0.03 + Math.Exp(-step / 400.0)) * Math.Exp(random.Uniform(RandomUse.Noise, step) - 0.5)) with
            {
                Fidelity = step % 100 == 0 ? (step < 3200 ? 0.2 + step / 20_000.0 : 0.88) : null,
            }),
        ];
    }
}
