using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Training;

namespace ControlNet.Datasets;

/// <summary>
/// Scenes of one to three shapes of different kinds and colours, each with five hints. A scene is a function of seed
/// and index. A shape alone is 42 to 60 per cent of the image edge wide, one of three 32 to 42: large enough for
/// latents of 16 x 16. Shapes may overlap a little, so that depth means something.
/// </summary>
/// <param name="seed">Another seed gives other scenes; from 0.</param>
/// <param name="size">Pixels of an edge, <see cref="DrawnDataset.LeastSize"/> to
/// <see cref="DrawnDataset.LargestSize"/>.</param>
public sealed class Shapes(long seed, int size) : DrawnDataset(seed, size)
{
    /// <summary>Two shapes come no nearer than this part of their radii's sum.</summary>
    private const double LeastApart = 0.8;

    /// <summary>Between a shape's circle and the picture's border, in image edges.</summary>
    private const double Margin = 0.02;

    /// <summary>Largest rotation either way, in turns: 15 degrees.</summary>
    private const double LargestTurn = 1.0 / 24;

    private static readonly HintKind[] s_hints = Enum.GetValues<HintKind>();
    private static readonly ShapeKind[] s_kinds = Enum.GetValues<ShapeKind>();

    // Smallest and largest radius by the number of shapes, in image edges.
    private static readonly (double Low, double High)[] s_radii = [(0.21, 0.30), (0.19, 0.25), (0.16, 0.21)];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Hints { get; } = [.. s_hints.Select(FolderOf)];

    /// <inheritdoc/>
    public override bool NamesHints => true;

    /// <summary>The folder and key of a hint: its name in lower case.</summary>
    public static string FolderOf(HintKind kind) => kind.ToString().ToLowerInvariant();

    /// <inheritdoc/>
    public override DrawnSample Draw(long index)
    {
        Scene scene = At(index);
        return new DrawnSample(
            scene.DrawTarget(Size), [.. s_hints.Select(kind => scene.DrawHint(kind, Size))], scene.Caption);
    }

    /// <summary>The scene behind a sample.</summary>
    /// <param name="index">From 0; there is no last one.</param>
    public Scene At(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        RandomStream random = new(Seed, index, purpose: 0);
        NamedColour[] colours = [.. ShapeColours.All];
        ShapeKind[] kinds = [.. s_kinds];
        random.Shuffle(colours);
        random.Shuffle(kinds);
        List<SceneShape> shapes = new(s_radii.Length);
        foreach ((double x, double y, double radius) in Layout(random, 1 + random.Below(s_radii.Length)))
        {
            int i = shapes.Count;
            double turns = random.Between(-LargestTurn, LargestTurn);

            // The nearest is at 0.85 to 1, each further one 0.27 behind, so that their order shows.
            double nearness = random.Between(0.85, 1) - 0.27 * i;
            shapes.Add(new SceneShape(kinds[i], colours[i + 1], x, y, radius, turns, nearness));
        }

        return new Scene(shapes, colours[0], Seed, index);
    }

    /// <summary>Circles that fit; a layout that leaves no room for the last one is given up for another.</summary>
    private static List<(double X, double Y, double Radius)> Layout(RandomStream random, int count)
    {
        const int Attempts = 40;
        (double low, double high) = s_radii[count - 1];
        List<(double X, double Y, double Radius)> placed = new(count);
        for (int attempt = 0; placed.Count < count; attempt++)
        {
            if (attempt == Attempts)
            {
                placed.Clear();
                attempt = 0;
            }

            double radius = random.Between(low, high), rim = radius + Margin;
            double x = random.Between(rim, 1 - rim), y = random.Between(rim, 1 - rim);
            if (placed.All(other => Apart(other, (x, y, radius))))
            {
                placed.Add((x, y, radius));
            }
        }

        return placed;
    }

    private static bool Apart((double X, double Y, double Radius) one, (double X, double Y, double Radius) other)
    {
        double dx = one.X - other.X, dy = one.Y - other.Y, least = LeastApart * (one.Radius + other.Radius);
        return dx * dx + dy * dy >= least * least;
    }
}
