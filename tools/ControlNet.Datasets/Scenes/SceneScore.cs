using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;

namespace ControlNet.Datasets;

/// <summary>How well a generated picture obeys a scene. Every number is 0 (not at all) to 1 (wholly).</summary>
/// <param name="MaskIoU">
/// Of the pixels that are not background in the picture and in the scene's drawing: whether shapes are in place.
/// </param>
/// <param name="Edges">
/// Of the picture's edges and those of the scene's drawing, matched within 1 / 64 of the image edge.
/// </param>
/// <param name="ColourAccuracy">
/// Share of the shapes and the background whose place shows mostly the right colour of <see cref="ShapeColours.All"/>.
/// </param>
/// <param name="PixelColourAccuracy">Mean over the same regions of the share of pixels of the right colour.</param>
/// <param name="ColourPresence">
/// Share of the scene's colours that the picture shows anywhere, each in at least half as many pixels as it has in the
/// scene: whether the prompt was obeyed, wherever the shapes stand.
/// </param>
public sealed record SceneScore(
    double MaskIoU, EdgeScore Edges, double ColourAccuracy, double PixelColourAccuracy, double ColourPresence)
{
    /// <summary>Pixels along the outline of a region mix two colours and are not asked for theirs.</summary>
    private const int MixedPixels = 1;

    /// <summary>Scores one picture.</summary>
    /// <param name="scene">What it should show.</param>
    /// <param name="generated">Any size, as wide as high.</param>
    /// <exception cref="ShapeException">The picture is not as wide as high.</exception>
    public static SceneScore Of(Scene scene, RgbImage generated)
    {
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentNullException.ThrowIfNull(generated);
        int size = generated.Width;
        if (generated.Height != size)
        {
            throw new ShapeException(
                $"SceneScore: a picture of {size} x {generated.Height} pixels; scenes are square, generate it as " +
                "wide as high");
        }

        ColourRegion[] regions =
        [
            .. scene.Shapes.Select((shape, i) => Region(scene.Mask(i, size), shape.Colour)),
            Region(scene.Foreground(size).Complement(), scene.Background),
        ];
        RgbImage drawing = scene.DrawTarget(size);
        return new SceneScore(
            Native.Training.MaskIoU.Of(generated, drawing),
            EdgeF1.Of(generated, drawing, tolerance: Math.Max(1, size / 64)),
            Native.Training.ColourAccuracy.OfRegions(generated, regions, ShapeColours.All),
            regions.Average(region =>
                Native.Training.ColourAccuracy.OfPixels(generated, region, ShapeColours.All)),
            Presence(generated, drawing, [.. regions.Select(region => region.Expected)]));
    }

    private static ColourRegion Region(PixelMask mask, NamedColour expected) =>
        new(mask.Shrink(MixedPixels), expected);

    private static double Presence(RgbImage generated, RgbImage drawing, NamedColour[] colours)
    {
        IReadOnlyList<double> actual = Native.Training.ColourAccuracy.Shares(generated, ShapeColours.All);
        IReadOnlyList<double> expected = Native.Training.ColourAccuracy.Shares(drawing, ShapeColours.All);
        List<NamedColour> palette = [.. ShapeColours.All];
        return colours.Select(colour => palette.IndexOf(colour)).Average(i => actual[i] >= expected[i] / 2 ? 1.0 : 0.0);
    }
}
