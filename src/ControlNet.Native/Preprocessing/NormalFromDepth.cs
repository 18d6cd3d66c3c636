using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Normals of the surface a depth map shows. Source: the MiDaS annotator of lllyasviel/ControlNet: Sobel gradients of
/// the depth as it is, a constant part towards the camera, then length 1.
/// </summary>
public static class NormalFromDepth
{
    /// <summary>Computes the normals.</summary>
    /// <param name="depth">One channel, the nearer the larger.</param>
    /// <param name="options">Background and flatness; null for the defaults.</param>
    /// <returns>
    /// x, y and z, each in [-1, 1], <c>[Height, Width, 3]</c>; red, green and blue of the picture that
    /// <c>ToRgb(PixelRange.MinusOneToOne, PixelRounding.Truncate)</c> makes.
    /// </returns>
    /// <exception cref="PreprocessingException">An option is out of its range, or the map has several
    /// channels.</exception>
    public static FloatImage Apply(FloatImage depth, NormalFromDepthOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(depth);
        options ??= new NormalFromDepthOptions();
        options.Check();
        (FloatImage across, FloatImage down) = ImageGradients.Of(depth, GradientOperator.Sobel);
        float[] shares = Shares(depth).Values.ToArray();
        float threshold = (float)options.BackgroundThreshold, flatness = (float)options.Flatness;
        float[] normals = new float[checked(shares.Length * 3)];
        for (int i = 0; i < shares.Length; i++)
        {
            bool near = !(shares[i] < threshold);
            float x = near ? across.Values[i] : 0f, y = near ? down.Values[i] : 0f;
            float length = MathF.Sqrt((x * x) + (y * y) + (flatness * flatness));
            normals[3 * i] = x / length;
            normals[(3 * i) + 1] = y / length;
            normals[(3 * i) + 2] = flatness / length;
        }

        return FloatImage.Own(depth.Width, depth.Height, 3, normals);
    }

    /// <summary>The depth brought to [0, 1]: 0 at the furthest, 1 at the nearest; 1 throughout a flat map.</summary>
    /// <param name="depth">One channel, the nearer the larger.</param>
    public static FloatImage Shares(FloatImage depth)
    {
        ArgumentNullException.ThrowIfNull(depth);
        float[] shares = depth.Values.ToArray();
        float least = float.PositiveInfinity, most = 0f;
        foreach (float value in shares)
        {
            least = Math.Min(least, value);
        }

        for (int i = 0; i < shares.Length; i++)
        {
            shares[i] -= least;
            most = Math.Max(most, shares[i]);
        }

        for (int i = 0; i < shares.Length; i++)
        {
            shares[i] = most > 0f ? shares[i] / most : 1f;
        }

        return FloatImage.Own(depth.Width, depth.Height, depth.Channels, shares);
    }
}
