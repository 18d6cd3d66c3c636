using System;

namespace ControlNet.Datasets;

/// <summary>
/// Sine and cosine from additions and products alone. <see cref="Math.Sin"/> asks the platform's library, whose last
/// bit differs between machines; these are the same bits everywhere, within 1e-13 of the true value.
/// </summary>
public static class UnitCircle
{
    /// <summary>Sine and cosine of an angle.</summary>
    /// <param name="turns">The angle in whole turns; any finite number.</param>
    public static (double Sine, double Cosine) SineCosine(double turns)
    {
        double quarters = turns * 4, nearest = Math.Floor(quarters + 0.5);
        double angle = (quarters - nearest) * (Math.PI / 2); // within a quarter of pi of zero
        double square = angle * angle, sine = 0, cosine = 0;

        // Taylor series of sin(angle) / angle and of cos(angle), from the smallest term; the first one left out is
        // below 1e-17.
        for (int i = 8; i >= 0; i--)
        {
            sine = 1 - square / ((2 * i + 2) * (2 * i + 3)) * sine;
            cosine = 1 - square / ((2 * i + 1) * (2 * i + 2)) * cosine;
        }

        sine *= angle;
        return ((long)nearest & 3) switch
        {
            0 => (sine, cosine),
            1 => (cosine, -sine),
            2 => (-sine, -cosine),
            _ => (-cosine, sine),
        };
    }
}
