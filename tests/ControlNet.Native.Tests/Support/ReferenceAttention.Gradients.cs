using System;
using System.Collections.Generic;
using ControlNet.Native.Cases;

namespace ControlNet.Native.Tests.Support;

/// <content>Gradients of one head, by the chain rule through the whole score matrix, a row at a time.</content>
internal static partial class ReferenceAttention
{
    /// <summary>Gradients of some rows of q, k and v, each <c>HeadWidth</c> long, and ln of the sums.</summary>
    internal sealed record HeadGradients(
        Dictionary<int, double[]> DQ, Dictionary<int, double[]> DK, Dictionary<int, double[]> DV, double[] LogSumExp);

    /// <summary>The gradients for the chosen queries and keys of one head.</summary>
    public static HeadGradients Gradients(
        AttentionCase c, float[] q, float[] k, float[] v, float[] dy, int batch, int head, int[] queries, int[] keys)
    {
        int channels = c.Heads * c.HeadWidth, width = c.HeadWidth;
        double scale = c.Scale ?? (1 / Math.Sqrt(width));
        HeadGradients result = new([], [], [], new double[c.Queries]);
        foreach (int key in keys)
        {
            result.DK[key] = new double[width];
            result.DV[key] = new double[width];
        }

        foreach (int query in queries)
        {
            result.DQ[query] = new double[width];
        }

        for (int i = 0; i < c.Queries; i++)
        {
            int visible = c.Causal ? i + 1 : c.Keys;
            double[] p = new double[visible], dp = new double[visible];
            int rowQ = (((batch * c.Queries) + i) * channels) + (head * width);
            double largest = double.NegativeInfinity, sum = 0, delta = 0;
            for (int j = 0; j < visible; j++)
            {
                int rowK = RowOf(j);
                for (int w = 0; w < width; w++)
                {
                    p[j] += (double)q[rowQ + w] * k[rowK + w];
                    dp[j] += (double)dy[rowQ + w] * v[rowK + w];
                }

                p[j] *= scale;
                largest = Math.Max(largest, p[j]);
            }

            for (int j = 0; j < visible; j++)
            {
                p[j] = Math.Exp(p[j] - largest);
                sum += p[j];
            }

            for (int j = 0; j < visible; j++)
            {
                p[j] /= sum;
                delta += p[j] * dp[j];
            }

            result.LogSumExp[i] = largest + Math.Log(sum);
            foreach (int j in keys)
            {
                for (int w = 0; j < visible && w < width; w++)
                {
                    result.DV[j][w] += p[j] * dy[rowQ + w];
                    result.DK[j][w] += scale * p[j] * (dp[j] - delta) * q[rowQ + w];
                }
            }

            for (int j = 0; result.DQ.ContainsKey(i) && j < visible; j++)
            {
                for (int w = 0; w < width; w++)
                {
                    result.DQ[i][w] += scale * p[j] * (dp[j] - delta) * k[RowOf(j) + w];
                }
            }
        }

        return result;

        int RowOf(int key) => (((batch * c.Keys) + key) * channels) + (head * width);
    }
}
