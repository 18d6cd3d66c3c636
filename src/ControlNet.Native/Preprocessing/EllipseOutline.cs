using System;
using System.Collections.Generic;

namespace ControlNet.Native.Preprocessing;

/// <summary>An ellipse as a polygon with a corner a degree, as OpenCV's <c>ellipse2Poly</c>.</summary>
internal static class EllipseOutline
{
    /// <summary>Sines of 0 to 450 degrees with the seven decimals of OpenCV's table.</summary>
    private static readonly float[] s_sines = Sines();

    /// <summary>The corners, each different from the one before.</summary>
    /// <param name="centerX">Pixel of the centre.</param>
    /// <param name="centerY">Pixel of the centre.</param>
    /// <param name="halfLength">Half the axis along the angle.</param>
    /// <param name="halfWidth">Half the other axis.</param>
    /// <param name="degrees">Angle of the first axis, clockwise on the screen, -360 to 360.</param>
    public static (int X, int Y)[] Of(int centerX, int centerY, int halfLength, int halfWidth, int degrees)
    {
        int angle = degrees < 0 ? degrees + 360 : degrees;
        float cosine = s_sines[450 - angle], sine = s_sines[angle];
        List<(int X, int Y)> corners = [];
        for (int i = 0; i <= 360; i++)
        {
            double along = (double)halfLength * s_sines[450 - i], aside = (double)halfWidth * s_sines[i];
            (int X, int Y) corner = (
                (int)Math.Round(centerX + (along * cosine) - (aside * sine)),
                (int)Math.Round(centerY + (along * sine) + (aside * cosine)));
            if (corners.Count == 0 || corners[^1] != corner)
            {
                corners.Add(corner);
            }
        }

        return corners.Count == 1 ? [(centerX, centerY), (centerX, centerY)] : [.. corners];
    }

    private static float[] Sines()
    {
        float[] sines = new float[451];
        for (int i = 0; i < sines.Length; i++)
        {
            sines[i] = (float)Math.Round(Math.Sin(i * Math.PI / 180), 7);
        }

        return sines;
    }
}
