using System;
using System.Linq;
using ControlNet.Native.Cases;

namespace ControlNet.Native.Tests.Support;

/// <summary>Sums and softmax along an axis from their definitions, in double.</summary>
internal static partial class ReferenceReduce
{
    public static double[] Run(ReduceCase call, float[] x)
    {
        int axis = call.Axis < 0 ? call.Axis + call.X.Rank : call.Axis;
        int length = call.X[axis], inner = 1;
        for (int later = axis + 1; later < call.X.Rank; later++)
        {
            inner *= call.X[later];
        }

        int outer = x.Length / length / inner;
        double[] y = new double[call.Call == ReduceCall.Softmax ? x.Length : outer * inner];
        for (int o = 0; o < outer; o++)
        {
            for (int i = 0; i < inner; i++)
            {
                double[] line =
                [
                    .. Enumerable.Range(0, length).Select(l => (double)x[(((o * length) + l) * inner) + i]),
                ];
                if (call.Call != ReduceCall.Softmax)
                {
                    y[(o * inner) + i] = call.Call == ReduceCall.Sum ? line.Sum() : line.Average();
                    continue;
                }

                double largest = line.Max();
                double total = line.Sum(v => Math.Exp(v - largest));
                for (int l = 0; l < length; l++)
                {
                    y[(((o * length) + l) * inner) + i] = Math.Exp(line[l] - largest) / total;
                }
            }
        }

        return y;
    }
}
