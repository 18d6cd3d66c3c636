using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using ControlNet.Datasets;
using ControlNet.Native.Imaging;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class ShapesTests
{
    private const int Size = 64;

    private static readonly Shapes s_set = new(seed: 3, Size);

    private static IEnumerable<Scene> Scenes(int count) => Enumerable.Range(0, count).Select(i => s_set.At(i));

    [Fact]
    public void Scenes_have_different_kinds_and_colours_inside_the_picture()
    {
        foreach (Scene scene in Scenes(500))
        {
            Assert.InRange(scene.Shapes.Count, 1, 3);
            Assert.Distinct(scene.Shapes.Select(shape => shape.Kind));
            Assert.Distinct(scene.Shapes.Select(shape => shape.Colour).Append(scene.Background));
            Assert.Equal(
                scene.Shapes.OrderByDescending(shape => shape.Nearness).ToArray(), scene.Shapes.ToArray());
            Assert.All(scene.Shapes, shape =>
            {
                Assert.InRange(shape.Radius, 0.16, 0.30);
                Assert.InRange(shape.Nearness, 0.3, 1);
                Assert.InRange(shape.CentreX, shape.Radius, 1 - shape.Radius);
                Assert.InRange(shape.CentreY, shape.Radius, 1 - shape.Radius);
            });
        }
    }

    [Fact]
    public void Everything_occurs()
    {
        Scene[] scenes = [.. Scenes(300)];
        SceneShape[] shapes = [.. scenes.SelectMany(scene => scene.Shapes)];

        Assert.Equal([1, 2, 3], scenes.Select(scene => scene.Shapes.Count).Distinct().Order());
        Assert.Equal(5, shapes.Select(shape => shape.Kind).Distinct().Count());
        Assert.Equal(10, shapes.Select(shape => shape.Colour).Distinct().Count());
        Assert.Equal(10, scenes.Select(scene => scene.Background).Distinct().Count());
    }

    [Fact]
    public void Colours_are_well_apart()
    {
        IReadOnlyList<NamedColour> all = ShapeColours.All;
        Assert.All(
            from a in all from b in all where a != b select (a, b),
            pair => Assert.InRange(pair.a.SquaredDistance(pair.b), 90 * 90, int.MaxValue));
    }

    [Fact]
    public void Captions_name_shapes_from_near_to_far_and_the_background()
    {
        NamedColour red = ShapeColours.All[0], blue = ShapeColours.All[2], orange = ShapeColours.All[4];
        SceneShape circle = new(ShapeKind.Circle, red, 0.3, 0.3, 0.2, 0, 1);
        SceneShape star = new(ShapeKind.Star, orange, 0.7, 0.3, 0.2, 0, 0.7);
        SceneShape cross = new(ShapeKind.Cross, blue, 0.5, 0.7, 0.2, 0, 0.4);

        Assert.Equal("a red circle on a blue background", new Scene([circle], blue, 0, 0).Caption);
        Assert.Equal(
            "a red circle and a blue cross on an orange background", new Scene([circle, cross], orange, 0, 0).Caption);
        Assert.Equal(
            "a red circle, an orange star and a blue cross on a white background",
            new Scene([circle, star, cross], ShapeColours.All[9], 0, 0).Caption);
    }

    [Fact]
    public void A_scene_is_a_function_of_seed_and_index()
    {
        Assert.Equal(Digest(s_set.Draw(5)), Digest(new Shapes(3, Size).Draw(5)));
        Assert.NotEqual(Digest(s_set.Draw(5)), Digest(s_set.Draw(6)));
        Assert.NotEqual(Digest(s_set.Draw(5)), Digest(new Shapes(4, Size).Draw(5)));
    }

    /// <summary>
    /// A set that was trained on must be drawn the same for ever and on every machine; the digest changes only with a
    /// line in the changelog.
    /// </summary>
    [Fact]
    public void Drawings_are_the_same_on_every_machine() =>
        Assert.Equal("5055c1d3b4bc3167b9636089cc1dfad0", Digests(s_set));

    [Fact]
    public void Masks_part_the_picture_and_show_the_colours()
    {
        foreach (Scene scene in Scenes(50))
        {
            RgbImage target = scene.DrawTarget(Size);
            PixelMask foreground = scene.Foreground(Size);
            PixelMask[] masks = [.. Enumerable.Range(0, scene.Shapes.Count).Select(i => scene.Mask(i, Size))];
            Assert.Equal(foreground.Count, masks.Sum(mask => mask.Count));
            Assert.Equal(foreground.Count, masks.Aggregate((a, b) => a.Union(b)).Count);
            for (int i = 0; i < masks.Length; i++)
            {
                ColourRegion inside = new(masks[i].Shrink(1), scene.Shapes[i].Colour);
                Assert.InRange(inside.Pixels.Count, 40, Size * Size / 3);
                Assert.Equal(1, ColourAccuracy.OfPixels(target, inside, ShapeColours.All));
            }
        }
    }

    [Fact]
    public void Hints_say_what_they_should()
    {
        foreach (Scene scene in Scenes(20))
        {
            PixelMask foreground = scene.Foreground(Size), outside = foreground.Complement().Shrink(4);
            foreach (HintKind kind in Enum.GetValues<HintKind>())
            {
                byte[] flat = kind == HintKind.Normals ? [128, 128, 255] : [0, 0, 0];
                RgbImage hint = scene.DrawHint(kind, Size);
                Assert.All(Pixels(hint, outside), pixel => Assert.Equal(flat, pixel));
            }

            for (int i = 0; i < scene.Shapes.Count; i++)
            {
                SceneShape shape = scene.Shapes[i];
                PixelMask inside = scene.Mask(i, Size).Shrink(1);
                byte depth = (byte)Math.Round(shape.Nearness * 255);
                NamedColour label = HintDrawing.Labels[(int)shape.Kind];
                Assert.All(
                    Pixels(scene.DrawHint(HintKind.Depth, Size), inside),
                    p => Assert.Equal([depth, depth, depth], p));
                Assert.All(
                    Pixels(scene.DrawHint(HintKind.Segmentation, Size), inside),
                    p => Assert.Equal([label.Red, label.Green, label.Blue], p));
            }

            PixelMask lines = EdgeF1.Lines(scene.DrawHint(HintKind.Edges, Size));
            Assert.InRange(EdgeF1.Of(lines, EdgeF1.Edges(scene.DrawTarget(Size))).F1, 0.97, 1);
            PixelMask scribble = EdgeF1.Lines(scene.DrawHint(HintKind.Scribble, Size));
            Assert.InRange(scribble.Count, lines.Count, 4 * lines.Count);
            Assert.InRange(EdgeF1.Of(lines, scribble, tolerance: 3).Precision, 0.95, 1);
        }
    }

    [Fact]
    public void Normals_of_a_dome_point_outward()
    {
        SceneShape circle = new(ShapeKind.Circle, ShapeColours.All[0], 0.5, 0.5, 0.4, 0, 1);
        RgbImage normals = new Scene([circle], ShapeColours.All[1], 0, 0).DrawHint(HintKind.Normals, Size);

        byte[] centre = At(32, 32), right = At(52, 32), top = At(32, 11);
        Assert.Equal([128, 128, 255], centre);
        Assert.True(right[0] > 200 && Math.Abs(right[1] - 128) < 8 && right[2] < 240, string.Join(' ', right));
        Assert.True(top[1] > 200 && Math.Abs(top[0] - 128) < 8 && top[2] < 240, string.Join(' ', top));
        for (int i = 0; i < Size * Size; i++)
        {
            double length = Math.Sqrt(At(i % Size, i / Size).Sum(b => Math.Pow(b / 127.5 - 1, 2)));
            Assert.InRange(length, 0.7, 1.02); // anti-aliasing mixes the outermost with the background's
        }

        byte[] At(int x, int y) => normals.Pixels.Slice((y * Size + x) * 3, 3).ToArray();
    }

    [Fact]
    public void Values_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Shapes(-1, Size));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Shapes(0, 15));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Shapes(0, 4097));
        Assert.Throws<ArgumentOutOfRangeException>(() => s_set.At(-1));
    }

    /// <summary>The first eight digits of each of the first four samples.</summary>
    internal static string Digests(DrawnDataset set) =>
        string.Concat(Enumerable.Range(0, 4).Select(i => Digest(set.Draw(i))[..8]));

    private static string Digest(DrawnSample sample)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (RgbImage image in sample.Hints.Append(sample.Target))
        {
            hash.AppendData(image.Pixels);
        }

        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(sample.Prompt));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private static IEnumerable<byte[]> Pixels(RgbImage image, PixelMask mask) =>
        from i in Enumerable.Range(0, image.Width * image.Height)
        where mask[i % image.Width, i / image.Width]
        select image.Pixels.Slice(3 * i, 3).ToArray();
}
