using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Datasets;

/// <summary>The inside of a closed line of straight sides that does not cross itself; convex or not.</summary>
public sealed class Polygon : Figure
{
    private readonly (double X, double Y)[] _corners;

    /// <summary>Creates the polygon.</summary>
    /// <param name="corners">Three or more, in the order of the line, either way round; in image edges.</param>
    public Polygon(IEnumerable<(double X, double Y)> corners)
    {
        _corners = [.. corners];
        ArgumentOutOfRangeException.ThrowIfLessThan(_corners.Length, 3, nameof(corners));
    }

    /// <summary>
    /// A polygon of equal sides and angles, its first corner upward when <paramref name="turns"/> is 0.
    /// </summary>
    /// <param name="sides">Three or more.</param>
    /// <param name="centreX">In image edges from the left.</param>
    /// <param name="centreY">In image edges from the top.</param>
    /// <param name="radius">From the centre to a corner, in image edges.</param>
    /// <param name="turns">Rotation clockwise, in whole turns.</param>
    public static Polygon Regular(int sides, double centreX, double centreY, double radius, double turns) =>
        new(Enumerable.Range(0, sides).Select(i => At(centreX, centreY, radius, turns + (double)i / sides)));

    /// <summary>A star, its first point upward when <paramref name="turns"/> is 0.</summary>
    /// <param name="points">Three or more.</param>
    /// <param name="centreX">In image edges from the left.</param>
    /// <param name="centreY">In image edges from the top.</param>
    /// <param name="radius">From the centre to a point, in image edges.</param>
    /// <param name="innerRadius">From the centre to a corner between two points, in image edges.</param>
    /// <param name="turns">Rotation clockwise, in whole turns.</param>
    public static Polygon Star(
        int points, double centreX, double centreY, double radius, double innerRadius, double turns) =>
        new(Enumerable.Range(0, 2 * points).Select(i =>
            At(centreX, centreY, i % 2 == 0 ? radius : innerRadius, turns + (double)i / (2 * points))));

    /// <inheritdoc/>
    public override double Distance(double x, double y)
    {
        double nearest = double.PositiveInfinity;
        bool inside = false;
        (double X, double Y) from = _corners[^1];
        foreach ((double X, double Y) to in _corners)
        {
            double sideX = to.X - from.X, sideY = to.Y - from.Y, dx = x - from.X, dy = y - from.Y;
            double along = Math.Clamp((dx * sideX + dy * sideY) / (sideX * sideX + sideY * sideY), 0, 1);
            double offX = dx - along * sideX, offY = dy - along * sideY;
            nearest = Math.Min(nearest, offX * offX + offY * offY);

            // The ray from the point to the right crosses this side: an odd number of crossings means inside.
            inside ^= from.Y > y != to.Y > y && dx < dy * sideX / sideY;
            from = to;
        }

        double distance = Math.Sqrt(nearest);
        return inside ? -distance : distance;
    }

    private static (double X, double Y) At(double centreX, double centreY, double radius, double turns)
    {
        (double sine, double cosine) = UnitCircle.SineCosine(turns);
        return (centreX + radius * sine, centreY - radius * cosine);
    }
}
