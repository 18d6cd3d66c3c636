using System;
using Xunit;

namespace ControlNet.Native.Tests.Support;

/// <summary>
/// Holds a gradient against the definition of the forward operation: the derivative of sum(dy y) by one element of an
/// input, from two evaluations in double. The definitions take float32 inputs, so the step is one they can represent.
/// </summary>
internal static class CentralDifferences
{
    private const int MostChecked = 12;

    private const float Step = 1f / 128;

    /// <summary>The weighted sum of a result.</summary>
    public static double Loss(ReadOnlySpan<double> y, ReadOnlySpan<float> dy)
    {
        Assert.Equal(dy.Length, y.Length);
        double sum = 0;
        for (int i = 0; i < y.Length; i++)
        {
            sum += y[i] * dy[i];
        }

        return sum;
    }

    /// <summary>Checks some elements of a gradient; the difference is off by the square of the step.</summary>
    /// <param name="loss">The loss as a function of x, which is changed in place and restored.</param>
    /// <param name="x">The input.</param>
    /// <param name="dx">The gradient under test.</param>
    /// <param name="bound">Largest error relative to the largest element of dx.</param>
    public static void Check(Func<float[], double> loss, float[] x, double[] dx, double bound = 1e-3)
    {
        Assert.Equal(x.Length, dx.Length);
        double scale = 1e-6;
        foreach (double d in dx)
        {
            scale = Math.Max(scale, Math.Abs(d));
        }

        for (int n = 0; n < Math.Min(MostChecked, x.Length); n++)
        {
            int i = (int)(n * 7919L % x.Length);
            float value = x[i];
            (float above, float below) = (value + Step, value - Step);
            x[i] = above;
            double high = loss(x);
            x[i] = below;
            double low = loss(x);
            x[i] = value;
            double difference = (high - low) / ((double)above - below);
            Assert.True(
                Math.Abs(difference - dx[i]) <= bound * scale,
                $"element {i}: the difference is {difference:g6}, the gradient {dx[i]:g6}, the largest {scale:g3}");
        }
    }
}
