using ControlNet.Native.Cases;

namespace ControlNet.Native.Tests.Support;

/// <content>Gradients along an axis from their definitions, in double.</content>
internal static partial class ReferenceReduce
{
    public static double[] Gradient(ReduceCase call, float[] x, float[] dy)
    {
        int axis = call.Axis < 0 ? call.Axis + call.X.Rank : call.Axis;
        int length = call.X[axis], inner = 1;
        for (int later = axis + 1; later < call.X.Rank; later++)
        {
            inner *= call.X[later];
        }

        double[] dx = new double[x.Length];
        double[]? y = call.Call == ReduceCall.Softmax ? Run(call, x) : null;
        for (int line = 0; line < x.Length / length; line++)
        {
            int start = (line / inner * length * inner) + (line % inner);
            double dot = 0;
            for (int l = 0; y is not null && l < length; l++)
            {
                dot += y[start + (l * inner)] * dy[start + (l * inner)];
            }

            for (int l = 0; l < length; l++)
            {
                int at = start + (l * inner);
                dx[at] = y is not null ? y[at] * (dy[at] - dot)
                    : call.Call == ReduceCall.Sum ? dy[line] : dy[line] / (double)length;
            }
        }

        return dx;
    }
}
