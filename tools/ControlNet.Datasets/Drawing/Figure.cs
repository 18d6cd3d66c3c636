using System;

namespace ControlNet.Datasets;

/// <summary>
/// A plane figure by its signed distance. Coordinates are those of the unit square: x to the right, y down, the image's
/// edge is 1. Only operations that IEEE 754 rounds the same everywhere are used, so a figure has the same distances on
/// every machine.
/// </summary>
public abstract class Figure
{
    /// <summary>
    /// How far a point is from the outline, in image edges: negative inside, positive outside. Between two points it
    /// changes by at most <see cref="Steepness"/> times their distance.
    /// </summary>
    public abstract double Distance(double x, double y);

    /// <summary>1 where <see cref="Distance"/> is exact, more where it is only near.</summary>
    public virtual double Steepness => 1;

    /// <summary>The line that follows the outline of this figure, half of it inside.</summary>
    /// <param name="width">Of the line, in image edges.</param>
    public Figure Outline(double width) => new OutlineFigure(this, width);

    /// <summary>
    /// The direction in which the distance grows, by central differences over <paramref name="step"/>: outward, of
    /// length 1, shorter where two sides are equally near.
    /// </summary>
    internal (double X, double Y) Gradient(double x, double y, double step) => (
        (Distance(x + step, y) - Distance(x - step, y)) / (2 * step),
        (Distance(x, y + step) - Distance(x, y - step)) / (2 * step));

    private sealed class OutlineFigure(Figure inner, double width) : Figure
    {
        public override double Steepness => inner.Steepness;

        public override double Distance(double x, double y) =>
            Math.Abs(inner.Distance(x, y)) - width / 2;
    }
}
