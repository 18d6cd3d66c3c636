using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Training;

namespace ControlNet.Datasets;

/// <summary>
/// A few shapes before a background of one colour. A scene has no size: target, hints and masks of any size are drawn
/// from the same geometry.
/// </summary>
public sealed class Scene
{
    private readonly long _seed, _index;

    internal Scene(IReadOnlyList<SceneShape> shapes, NamedColour background, long seed, long index)
    {
        Shapes = shapes;
        Background = background;
        _seed = seed;
        _index = index;
    }

    /// <summary>The shapes, nearest first; a nearer one hides what is behind it.</summary>
    public IReadOnlyList<SceneShape> Shapes { get; }

    /// <summary>One of <see cref="ShapeColours.All"/>, that of no shape.</summary>
    public NamedColour Background { get; }

    /// <summary>
    /// The prompt: the shapes, nearest first, then the background; for example <c>a red circle, an orange star and a
    /// blue square on a yellow background</c>.
    /// </summary>
    public string Caption
    {
        get
        {
            string[] phrases = [.. Shapes.Select(shape => shape.Phrase)];
            string all = phrases.Length == 1
                ? phrases[0]
                : $"{string.Join(", ", phrases[..^1])} and {phrases[^1]}";
            return $"{all} on {ShapeColours.WithArticle(Background)} background";
        }
    }

    /// <summary>The picture.</summary>
    /// <param name="size">Pixels of an edge, 1 to 8192.</param>
    public RgbImage DrawTarget(int size)
    {
        Canvas canvas = new(size, Background);
        foreach (SceneShape shape in Shapes.Reverse())
        {
            canvas.Fill(shape.Figure, shape.Colour);
        }

        return canvas.ToImage();
    }

    /// <summary>A hint of the picture.</summary>
    /// <param name="kind">What it says.</param>
    /// <param name="size">Pixels of an edge, 1 to 8192.</param>
    public RgbImage DrawHint(HintKind kind, int size) => HintDrawing.Draw(this, kind, size);

    /// <summary>The pixels of a shape that no nearer one hides: those whose centre it covers.</summary>
    /// <param name="shape">Position in <see cref="Shapes"/>.</param>
    /// <param name="size">Pixels of an edge, from 1.</param>
    public PixelMask Mask(int shape, int size)
    {
        Figure[] figures = [.. Shapes.Take(shape + 1).Select(s => s.Figure)];
        return new PixelMask(size, size, (x, y) =>
            Covers(figures[^1], x, y, size) && !figures[..^1].Any(figure => Covers(figure, x, y, size)));
    }

    /// <summary>The pixels of all shapes.</summary>
    /// <param name="size">Pixels of an edge, from 1.</param>
    public PixelMask Foreground(int size)
    {
        Figure[] figures = [.. Shapes.Select(shape => shape.Figure)];
        return new PixelMask(size, size, (x, y) => figures.Any(figure => Covers(figure, x, y, size)));
    }

    /// <summary>Numbers for one shape's scribble, the same at every size.</summary>
    internal RandomStream HandOf(int shape) => new(_seed, _index, (byte)(1 + shape));

    private static bool Covers(Figure figure, int x, int y, int size) =>
        figure.Distance((x + 0.5) / size, (y + 0.5) / size) < 0;
}
