using System;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <content>Derivatives from their definitions, in double.</content>
internal static partial class ReferencePointwise
{
    public static double Derivative(Activation activation, double v) => activation switch
    {
        Activation.None => 1,
        Activation.Silu => SwishDerivative(v, 1),
        Activation.Gelu =>
            (0.5 * (1 + Erf(v / Math.Sqrt(2)))) + (v * Math.Exp(-v * v / 2) / Math.Sqrt(2 * Math.PI)),
        Activation.QuickGelu => SwishDerivative(v, 1.702),
        Activation.GeluTanh => GeluTanhDerivative(v),
        Activation.Sigmoid => Sigmoid(v) * Sigmoid(-v),
        Activation.Relu => v > 0 ? 1 : 0,
        Activation.Tanh => 4 * Sigmoid(2 * v) * Sigmoid(-2 * v),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };

    /// <summary>The gradients of both operands, in the shapes of a and b, for dy of the shape of the result.</summary>
    public static (double[] DA, double[] DB) Gradients(
        PointwiseCase call, float[] a, float[] b, float[] dy, Shape result)
    {
        double[] da = new double[a.Length], db = new double[b.Length];
        int columns = result.Rank == 0 ? 1 : result[-1];
        for (int i = 0; i < dy.Length; i++)
        {
            int placeA = call.TakesTwo ? Place(i, result, call.A) : i;
            int placeB = call.TakesTwo ? Place(i, result, call.B) : 0;
            int value = (i / Math.Max(1, columns) * 2 * columns) + (i % columns);
            switch (call.Call)
            {
                case PointwiseCall.Geglu:
                    da[value] = dy[i] * Gelu(a[value + columns]);
                    da[value + columns] = dy[i] * a[value] * Derivative(Activation.Gelu, a[value + columns]);
                    break;
                case PointwiseCall.Add: (da[placeA], db[placeB]) = (da[placeA] + dy[i], db[placeB] + dy[i]); break;
                case PointwiseCall.Subtract: (da[placeA], db[placeB]) = (da[placeA] + dy[i], db[placeB] - dy[i]); break;
                case PointwiseCall.Multiply:
                    da[placeA] += (double)dy[i] * b[placeB];
                    db[placeB] += (double)dy[i] * a[placeA];
                    break;
                case PointwiseCall.Combine: (da[i], db[i]) = (7.5 * dy[i], -6.5 * dy[i]); break;
                default: da[i] = dy[i] * Derivative(call.Activation!.Value, a[i]); break;
            }
        }

        return (da, db);
    }

    private static double GeluTanhDerivative(double v)
    {
        double sigmoid = Sigmoid(GeluTanhSlope * (v + (0.044715 * v * v * v)));
        return sigmoid + (v * sigmoid * (1 - sigmoid) * GeluTanhSlope * (1 + (3 * 0.044715 * v * v)));
    }

    private static double SwishDerivative(double v, double slope)
    {
        double sigmoid = 1 / (1 + Math.Exp(-slope * v));
        return sigmoid + (slope * v * sigmoid * (1 - sigmoid));
    }
}
