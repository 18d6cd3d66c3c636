using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Group norm on channels-last rows.</summary>
internal sealed unsafe class CpuGroupNorm(WorkerTeam team) : IGroupNormKernels
{
    private readonly WorkerTeam _team = team;

    public void Forward(in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView y)
    {
        int width = d.ChannelsPerGroup;
        for (int unit = 0; unit < d.Batch * d.Groups; unit++)
        {
            int first = (unit % d.Groups) * width;
            long start = ((long)(unit / d.Groups) * d.Spatial * d.Channels) + first;
            double sum = 0, squares = 0, count = (double)d.Spatial * width;
            for (int p = 0; p < d.Spatial; p++)
            {
                for (int c = 0; c < width; c++)
                {
                    sum += x.Floats[start + ((long)p * d.Channels) + c];
                }
            }

            double mean = sum / count;
            for (int p = 0; p < d.Spatial; p++)
            {
                for (int c = 0; c < width; c++)
                {
                    double centred = x.Floats[start + ((long)p * d.Channels) + c] - mean;
                    squares += centred * centred;
                }
            }

            double rstd = 1 / Math.Sqrt((squares / count) + d.Eps);
            for (int p = 0; p < d.Spatial; p++)
            {
                for (int c = 0; c < width; c++)
                {
                    long at = start + ((long)p * d.Channels) + c;
                    y.Floats[at] = CpuPointwise.Apply(
                        d.Activation, (float)(((x.Floats[at] - mean) * rstd * gamma.Floats[first + c]) + beta.Floats[first + c]));
                }
            }
        }
    }
}
