using System;
using System.Linq;

namespace ControlNet.Native.Preprocessing;

/// <summary>The weights of a Gaussian, as OpenCV's <c>getGaussianKernel</c> makes them.</summary>
internal static class GaussianKernel
{
    /// <summary>Kernel size for a picture of bytes: 3 deviations to either side.</summary>
    public static int SizeForBytes(double sigma) => Size(6 * sigma);

    /// <summary>Kernel size for floats: 4 deviations to either side.</summary>
    public static int SizeForFloats(double sigma) => Size(8 * sigma);

    /// <summary>The weights; they sum to 1.</summary>
    /// <param name="size">How many, odd.</param>
    /// <param name="sigma">Standard deviation in pixels; 0 for the one that belongs to the size.</param>
    public static float[] Of(int size, double sigma)
    {
        if (sigma == 0 && Fixed(size) is { } known)
        {
            return known;
        }

        double deviation = sigma > 0 ? sigma : (0.3 * (((size - 1) * 0.5) - 1)) + 0.8;
        double[] weights = new double[size];
        for (int i = 0; i < size; i++)
        {
            double distance = i - ((size - 1) * 0.5);
            weights[i] = Math.Exp(-distance * distance / (2 * deviation * deviation));
        }

        double total = weights.Sum();
        return [.. weights.Select(weight => (float)(weight / total))];
    }

    /// <summary>OpenCV's small kernels for a deviation that is not given.</summary>
    private static float[]? Fixed(int size) => size switch
    {
        1 => [1f],
        3 => [0.25f, 0.5f, 0.25f],
        5 => [0.0625f, 0.25f, 0.375f, 0.25f, 0.0625f],
        7 => [0.03125f, 0.109375f, 0.21875f, 0.28125f, 0.21875f, 0.109375f, 0.03125f],
        9 =>
        [
            4f / 256, 13f / 256, 30f / 256, 51f / 256, 60f / 256, 51f / 256, 30f / 256, 13f / 256, 4f / 256,
        ],
        _ => null,
    };

    private static int Size(double width) => (int)Math.Round(width + 1) | 1;
}
