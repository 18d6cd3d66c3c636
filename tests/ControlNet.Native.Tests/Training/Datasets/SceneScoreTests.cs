using System;
using System.Linq;
using ControlNet.Datasets;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class SceneScoreTests
{
    private static readonly Shapes s_set = new(seed: 8, size: 128);

    [Fact]
    public void The_drawing_itself_is_perfect()
    {
        for (int i = 0; i < 20; i++)
        {
            Scene scene = s_set.At(i);
            Assert.Equal(new SceneScore(1, new EdgeScore(1, 1), 1, 1, 1), SceneScore.Of(scene, scene.DrawTarget(128)));
        }
    }

    [Fact]
    public void Blur_and_noise_cost_little()
    {
        Random random = new(1);
        for (int i = 0; i < 10; i++)
        {
            Scene scene = s_set.At(i);
            RgbImage blurred = scene.DrawTarget(128).Resize(64, 64).Resize(128, 128);
            byte[] noisy =
                [.. blurred.Pixels.ToArray().Select(b => (byte)Math.Clamp(b + random.Next(-9, 10), 0, 255))];

            SceneScore score = SceneScore.Of(scene, new RgbImage(128, 128, noisy));

            Assert.InRange(score.MaskIoU, 0.9, 1);
            Assert.InRange(score.Edges.F1, 0.9, 1);
            Assert.Equal((1, 1), (score.ColourAccuracy, score.ColourPresence));
        }
    }

    [Fact]
    public void Another_scene_is_near_chance()
    {
        SceneScore[] scores =
        [
            .. Enumerable.Range(0, 100).Select(i => SceneScore.Of(s_set.At(i), s_set.At(1000 + i).DrawTarget(128))),
        ];

        Assert.InRange(scores.Average(score => score.MaskIoU), 0.05, 0.3);
        Assert.InRange(scores.Average(score => score.Edges.F1), 0.05, 0.35);
        Assert.InRange(scores.Average(score => score.ColourAccuracy), 0, 0.25);
        Assert.InRange(scores.Average(score => score.ColourPresence), 0, 0.35);
    }

    [Fact]
    public void The_right_colours_in_the_wrong_place_are_present_but_not_in_place()
    {
        NamedColour red = ShapeColours.All[0], blue = ShapeColours.All[2];
        Scene wanted = new([new(ShapeKind.Circle, red, 0.25, 0.25, 0.2, 0, 1)], blue, 0, 0);
        Scene made = new([new(ShapeKind.Circle, red, 0.75, 0.75, 0.2, 0, 1)], blue, 0, 0);

        SceneScore score = SceneScore.Of(wanted, made.DrawTarget(128));

        Assert.Equal((0, 0.5, 1), (score.MaskIoU, score.ColourAccuracy, score.ColourPresence));
    }

    [Fact]
    public void A_picture_that_is_not_square_is_refused() =>
        Assert.Equal(
            "SceneScore: a picture of 4 x 2 pixels; scenes are square, generate it as wide as high",
            Assert.Throws<ShapeException>(() => SceneScore.Of(s_set.At(0), new RgbImage(4, 2, new byte[24]))).Message);
}
