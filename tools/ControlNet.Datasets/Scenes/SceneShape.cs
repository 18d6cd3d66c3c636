using System;
using System.Linq;
using ControlNet.Native.Training;

namespace ControlNet.Datasets;

/// <summary>One shape of a scene.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Colour">One of <see cref="ShapeColours.All"/>.</param>
/// <param name="CentreX">In image edges from the left.</param>
/// <param name="CentreY">In image edges from the top.</param>
/// <param name="Radius">Of the circle round it, in image edges.</param>
/// <param name="Turns">Rotation clockwise, in whole turns.</param>
/// <param name="Nearness">0 (as far as the background) to 1 (at the camera): what its depth hint shows.</param>
public sealed record SceneShape(
    ShapeKind Kind, NamedColour Colour, double CentreX, double CentreY, double Radius, double Turns, double Nearness)
{
    // Chosen so that the kinds look about equally large in the same circle.
    private const double DiscPart = 0.88;
    private const double StarInnerPart = 0.45;
    private const double CrossHalfWidth = 0.32;

    /// <summary>Its outline.</summary>
    public Figure Figure => Kind switch
    {
        ShapeKind.Circle => new Disc(CentreX, CentreY, DiscPart * Radius),
        ShapeKind.Square => Polygon.Regular(4, CentreX, CentreY, Radius, Turns + 0.125),
        ShapeKind.Triangle => Polygon.Regular(3, CentreX, CentreY, Radius, Turns),
        ShapeKind.Star => Polygon.Star(5, CentreX, CentreY, Radius, StarInnerPart * Radius, Turns),
        ShapeKind.Cross => Cross(),
        _ => throw new InvalidOperationException($"no outline for a {Kind}"),
    };

    /// <summary>For example <c>an orange star</c>.</summary>
    public string Phrase => $"{ShapeColours.WithArticle(Colour)} {Kind.ToString().ToLowerInvariant()}";

    private Polygon Cross()
    {
        double near = CrossHalfWidth * Radius, far = Math.Sqrt(1 - CrossHalfWidth * CrossHalfWidth) * Radius;
        (double sine, double cosine) = UnitCircle.SineCosine(Turns);
        (double X, double Y)[] arm = [(near, -near), (far, -near), (far, near)];
        return new Polygon(
            from quarter in Enumerable.Range(0, 4)
            from corner in arm
            select Place(corner, quarter));

        (double X, double Y) Place((double X, double Y) corner, int quarter)
        {
            for (int i = 0; i < quarter; i++)
            {
                corner = (-corner.Y, corner.X);
            }

            return (CentreX + corner.X * cosine - corner.Y * sine, CentreY + corner.X * sine + corner.Y * cosine);
        }
    }
}
