using System;
using ControlNet.Native.Cases;

namespace ControlNet.Native.Tests.Support;

/// <summary>Attention in double, one row of one head at a time. Source: Vaswani et al., 2017, equation 1.</summary>
internal static partial class ReferenceAttention
{
    /// <summary>The <c>HeadWidth</c> channels of one head for one query.</summary>
    public static double[] Row(AttentionCase c, float[] q, float[] k, float[] v, int batch, int head, int query)
    {
        int channels = c.Heads * c.HeadWidth;
        double scale = c.Scale ?? (1 / Math.Sqrt(c.HeadWidth));
        int keys = c.Causal ? query + 1 : c.Keys;
        double[] weights = new double[keys];
        double largest = double.NegativeInfinity, sum = 0;
        for (int j = 0; j < keys; j++)
        {
            for (int i = 0; i < c.HeadWidth; i++)
            {
                weights[j] += (double)q[Start(batch, c.Queries, query) + i] * k[Start(batch, c.Keys, j) + i];
            }

            weights[j] *= scale;
            largest = Math.Max(largest, weights[j]);
        }

        for (int j = 0; j < keys; j++)
        {
            weights[j] = Math.Exp(weights[j] - largest);
            sum += weights[j];
        }

        double[] row = new double[c.HeadWidth];
        for (int j = 0; j < keys; j++)
        {
            for (int i = 0; i < c.HeadWidth; i++)
            {
                row[i] += weights[j] / sum * v[Start(batch, c.Keys, j) + i];
            }
        }

        return row;

        long Start(int image, int tokens, int token) =>
            ((((long)image * tokens) + token) * channels) + (head * c.HeadWidth);
    }
}
