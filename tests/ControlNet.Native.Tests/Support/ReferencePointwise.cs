using System;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <summary>The pointwise operations straight from their definitions, in double.</summary>
internal static partial class ReferencePointwise
{
    /// <summary>2 sqrt(2 / pi)</summary>
    private static readonly double GeluTanhSlope = Math.Sqrt(8 / Math.PI);

    public static double Silu(double v) => v / (1 + Math.Exp(-v));

    public static double QuickGelu(double v) => v / (1 + Math.Exp(-1.702 * v));

    /// <summary>As v s(u): (1 + tanh(u / 2)) / 2 would lose all digits where u is far below 0.</summary>
    public static double GeluTanh(double v) => v * Sigmoid(GeluTanhSlope * (v + (0.044715 * v * v * v)));

    public static double Sigmoid(double v) => 1 / (1 + Math.Exp(-v));

    public static double Gelu(double v) => 0.5 * v * (1 + Erf(v / Math.Sqrt(2)));

    public static double Activate(Activation activation, double v) => activation switch
    {
        Activation.None => v,
        Activation.Silu => Silu(v),
        Activation.Gelu => Gelu(v),
        Activation.QuickGelu => QuickGelu(v),
        Activation.GeluTanh => GeluTanh(v),
        Activation.Sigmoid => Sigmoid(v),
        Activation.Relu => Math.Max(v, 0),
        Activation.Tanh => Math.Tanh(v),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };

    /// <summary>
    /// The error function: its Taylor series up to 2.5, beyond the continued fraction of its complement.
    /// </summary>
    public static double Erf(double x)
    {
        double a = Math.Abs(x);
        if (a > 2.5)
        {
            double fraction = 0;
            for (int k = 120; k >= 1; k--)
            {
                fraction = k / 2.0 / (a + fraction);
            }

            return Math.Sign(x) * (1 - (Math.Exp(-a * a) / Math.Sqrt(Math.PI) / (a + fraction)));
        }

        double sum = 0, term = a;
        for (int n = 0; n < 100; n++)
        {
            sum += term / ((2 * n) + 1);
            term *= -a * a / (n + 1);
        }

        return Math.Sign(x) * (2 / Math.Sqrt(Math.PI) * sum);
    }

    public static double[] Run(PointwiseCase call, float[] a, float[] b, Shape result)
    {
        double[] y = new double[result.Count];
        int columns = result.Rank == 0 ? 1 : result[-1];
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = call.Call switch
            {
                PointwiseCall.Half => (double)(Half)a[i],
                PointwiseCall.Combine => (7.5 * a[i]) - (6.5 * b[i]),
                PointwiseCall.Geglu => a[(i / columns * 2 * columns) + (i % columns)]
                    * Gelu(a[(i / columns * 2 * columns) + columns + (i % columns)]),
                PointwiseCall.Add => (double)a[Place(i, result, call.A)] + b[Place(i, result, call.B)],
                PointwiseCall.Subtract => (double)a[Place(i, result, call.A)] - b[Place(i, result, call.B)],
                PointwiseCall.Multiply => (double)a[Place(i, result, call.A)] * b[Place(i, result, call.B)],
                _ => Activate(call.Activation!.Value, a[i]),
            };
        }

        return y;
    }

    /// <summary>
    /// The element of an operand that belongs to element <paramref name="i"/> of the broadcast result.
    /// </summary>
    private static int Place(int i, Shape result, Shape operand)
    {
        int place = 0, step = 1;
        for (int fromEnd = 1; fromEnd <= result.Rank; fromEnd++)
        {
            int coordinate = i % result[-fromEnd];
            i /= result[-fromEnd];
            if (fromEnd <= operand.Rank)
            {
                place += operand[-fromEnd] == 1 ? 0 : coordinate * step;
                step *= operand[-fromEnd];
            }
        }

        return place;
    }
}
