using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <summary>Activations in double, by their definitions.</summary>
internal static class ReferenceActivation
{
    public static double Apply(Activation activation, double v) => activation switch
    {
        Activation.None => v,
        Activation.Silu => v / (1 + Math.Exp(-v)),
        Activation.Gelu => 0.5 * v * (1 + Erf(v / Math.Sqrt(2))),
        Activation.QuickGelu => v / (1 + Math.Exp(-1.702 * v)),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };

    /// <summary>The Maclaurin series near 0, the continued fraction of erfc elsewhere (DLMF 7.6.1 and 7.9.1).</summary>
    private static double Erf(double x)
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

        return Math.Sign(x) * 2 / Math.Sqrt(Math.PI) * sum;
    }
}
