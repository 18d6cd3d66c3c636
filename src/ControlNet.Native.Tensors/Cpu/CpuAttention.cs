using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Attention.</summary>
internal sealed unsafe class CpuAttention(WorkerTeam team) : IAttentionKernels
{
    private readonly WorkerTeam _team = team;

    public void Forward(in AttentionDims d, BufferView q, BufferView k, BufferView v, BufferView y)
    {
        int width = d.Heads * d.HeadWidth;
        double[] scores = new double[d.Keys];
        for (int n = 0; n < d.Batch; n++)
        {
            for (int h = 0; h < d.Heads; h++)
            {
                for (int i = 0; i < d.Queries; i++)
                {
                    float* pq = q.Floats + ((((long)n * d.Queries) + i) * width) + (h * d.HeadWidth);
                    int keys = d.Causal ? i + 1 : d.Keys;
                    double max = double.NegativeInfinity;
                    for (int j = 0; j < keys; j++)
                    {
                        float* pk = k.Floats + ((((long)n * d.Keys) + j) * width) + (h * d.HeadWidth);
                        double dot = 0;
                        for (int c = 0; c < d.HeadWidth; c++)
                        {
                            dot += (double)pq[c] * pk[c];
                        }

                        scores[j] = dot * d.Scale;
                        max = Math.Max(max, scores[j]);
                    }

                    double sum = 0;
                    for (int j = 0; j < keys; j++)
                    {
                        scores[j] = Math.Exp(scores[j] - max);
                        sum += scores[j];
                    }

                    float* py = y.Floats + ((((long)n * d.Queries) + i) * width) + (h * d.HeadWidth);
                    for (int c = 0; c < d.HeadWidth; c++)
                    {
                        double value = 0;
                        for (int j = 0; j < keys; j++)
                        {
                            value += scores[j] * v.Floats[((((long)n * d.Keys) + j) * width) + (h * d.HeadWidth) + c];
                        }

                        py[c] = (float)(value / sum);
                    }
                }
            }
        }
    }
}
