using System;
using Xunit;

namespace ControlNet.Native.Tests.Support;

/// <summary>
/// The acceptance rule of the golden data: the largest error and the rms error, each within its limit.
/// </summary>
internal static class GoldenLimits
{
    /// <summary>The rule with one limit, relative to the largest element (twice) and to the rms.</summary>
    public static void Check(string name, double[] expected, float[] actual, double tolerance)
    {
        double largest = 0;
        foreach (double v in expected)
        {
            largest = Math.Max(largest, Math.Abs(v));
        }

        Check(name, expected, actual, atol: 2 * tolerance * largest, tolerance);
    }

    /// <summary>The rule with the limits of one tensor; no rms limit means that the true result is zero.</summary>
    public static void Check(string name, double[] expected, float[] actual, double atol, double? rmsTolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = 0, squares = 0, reference = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(actual[i] - expected[i]);
            largest = double.IsNaN(error) || error > largest ? error : largest;
            squares += error * error;
            reference += expected[i] * expected[i];
        }

        Assert.True(largest <= atol, $"{name}: the largest error {largest:e2} exceeds {atol:e2}");
        if (rmsTolerance is { } tolerance)
        {
            Assert.True(
                Math.Sqrt(squares) <= tolerance * Math.Sqrt(reference),
                $"{name}: the rms error {Math.Sqrt(squares / Math.Max(1e-300, reference)):e2} exceeds {tolerance:e2}");
        }
    }
}
