using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <content>Gradients: what came from one place goes back to it and is added up there.</content>
internal static partial class ReferenceMovement
{
    /// <summary>
    /// The gradient of x. A concatenation is x, its first member and x again: all three pieces go back to x.
    /// </summary>
    public static double[] Gradient(MovementCase call, float[] dy, Shape result)
    {
        float[] places = new float[call.X.Count];
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = i;
        }

        float[] from = Run(call, places, result);
        double[] dx = new double[places.Length];
        for (int i = 0; i < dy.Length; i++)
        {
            dx[(int)from[i]] += dy[i];
        }

        return dx;
    }
}
