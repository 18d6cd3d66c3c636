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

    /// <summary>The Maclaurin series; its terms cancel, which costs a digit at |x| = 3 and all digits beyond 6.</summary>
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 5.9)
        {
            return Math.Sign(x);
        }

        double sum = 0, term = x;
        for (int n = 0; n < 150; n++)
        {
            sum += term / ((2 * n) + 1);
            term *= -x * x / (n + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }
}
