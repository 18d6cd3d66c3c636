using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Sums along an axis.</summary>
internal sealed unsafe class CpuReduce(WorkerTeam team) : IReduceKernels
{
    private readonly WorkerTeam _team = team;

    public void Sum(in AxisDims d, float scale, BufferView x, BufferView y)
    {
        for (long o = 0; o < d.Outer; o++)
        {
            for (long i = 0; i < d.Inner; i++)
            {
                double sum = 0;
                for (int l = 0; l < d.Length; l++)
                {
                    sum += x.Floats[(((o * d.Length) + l) * d.Inner) + i];
                }

                y.Floats[(o * d.Inner) + i] = (float)(sum * scale);
            }
        }
    }

    public void Softmax(in AxisDims d, BufferView x, BufferView y)
    {
        for (long o = 0; o < d.Outer; o++)
        {
            for (long i = 0; i < d.Inner; i++)
            {
                float max = float.NegativeInfinity;
                for (int l = 0; l < d.Length; l++)
                {
                    max = Math.Max(max, x.Floats[(((o * d.Length) + l) * d.Inner) + i]);
                }

                double sum = 0;
                for (int l = 0; l < d.Length; l++)
                {
                    sum += Math.Exp(x.Floats[(((o * d.Length) + l) * d.Inner) + i] - max);
                }

                for (int l = 0; l < d.Length; l++)
                {
                    long at = (((o * d.Length) + l) * d.Inner) + i;
                    y.Floats[at] = (float)(Math.Exp(x.Floats[at] - max) / sum);
                }
            }
        }
    }
}
