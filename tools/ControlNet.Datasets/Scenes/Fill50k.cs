using System;
using System.Collections.Generic;
using ControlNet.Native.Training;

namespace ControlNet.Datasets;

/// <summary>
/// The set of the ControlNet paper's tutorial (fill50k), drawn anew: a white circle's outline on black says where, a
/// prompt of two CSS colour names says which colours; the target is the filled circle. The original's ranges are not
/// published: here a radius is 8 to 30 per cent of the image edge and the circle lies inside the picture, and the two
/// colours differ by 60 levels at least, so that every circle can be seen.
/// </summary>
/// <param name="seed">Another seed gives other circles; from 0.</param>
/// <param name="size">Pixels of an edge; the original has 512.</param>
public sealed class Fill50k(long seed, int size) : DrawnDataset(seed, size)
{
    private const double LeastRadius = 0.08, LargestRadius = 0.30;

    /// <summary>Between circle and border, in image edges.</summary>
    private const double Margin = 0.01;

    /// <summary>Of the outline, in image edges: 3 pixels of 512.</summary>
    private const double LineWidth = 3.0 / 512;

    private const int LeastDifference = 60;

    private static readonly NamedColour s_black = new("black", 0, 0, 0);
    private static readonly NamedColour s_white = new("white", 255, 255, 255);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Hints { get; } = ["source"];

    /// <inheritdoc/>
    public override bool NamesHints => false;

    /// <inheritdoc/>
    public override DrawnSample Draw(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        RandomStream random = new(Seed, index, purpose: 0);
        double radius = random.Between(LeastRadius, LargestRadius), rim = radius + Margin;
        Disc circle = new(random.Between(rim, 1 - rim), random.Between(rim, 1 - rim), radius);
        NamedColour inside = CssColours.All[random.Below(CssColours.All.Count)], outside;
        do
        {
            outside = CssColours.All[random.Below(CssColours.All.Count)];
        }
        while (inside.SquaredDistance(outside) < LeastDifference * LeastDifference);

        Canvas source = new(Size, s_black), target = new(Size, outside);
        source.Fill(circle.Outline(Math.Max(LineWidth, 1.0 / Size)), s_white);
        target.Fill(circle, inside);
        return new DrawnSample(
            target.ToImage(), [source.ToImage()], $"{inside.Name} circle with {outside.Name} background");
    }
}
