using System;

namespace ControlNet.Datasets;

/// <summary>A filled circle.</summary>
/// <param name="centreX">In image edges from the left.</param>
/// <param name="centreY">In image edges from the top.</param>
/// <param name="radius">In image edges.</param>
public sealed class Disc(double centreX, double centreY, double radius) : Figure
{
    /// <inheritdoc/>
    public override double Distance(double x, double y)
    {
        double dx = x - centreX, dy = y - centreY;
        return Math.Sqrt(dx * dx + dy * dy) - radius;
    }
}
