using System.Threading.Tasks;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Convolution.</summary>
internal sealed unsafe class CpuConv2d(WorkerTeam team) : IConv2dKernels
{
    private readonly WorkerTeam _team = team;

    public long PackedCount(int outChannels, int inChannels, int kernel) => (long)outChannels * inChannels * kernel * kernel;

    public void Pack(int outChannels, int inChannels, int kernel, BufferView weight, BufferView packed) =>
        new CpuPointwise(_team).Cast(weight, packed);

    public void Forward(
        in Conv2dDims d, BufferView x, BufferView packed, BufferView bias, BufferView addRow, BufferView addTensor, BufferView y)
    {
        Conv2dDims dims = d;
        Parallel.For(0, d.Batch * d.OutHeight, row =>
        {
            int n = row / dims.OutHeight, oy = row % dims.OutHeight;
            for (int ox = 0; ox < dims.OutWidth; ox++)
            {
                for (int o = 0; o < dims.Out; o++)
                {
                    double sum = (bias.IsNone ? 0 : bias.Floats[o]) + (addRow.IsNone ? 0 : addRow.Floats[((long)n * dims.Out) + o]);
                    for (int ky = 0; ky < dims.Kernel; ky++)
                    {
                        int iy = (oy * dims.Stride) + ky - dims.Padding.Top;
                        for (int kx = 0; kx < dims.Kernel; kx++)
                        {
                            int ix = (ox * dims.Stride) + kx - dims.Padding.Left;
                            if (iy < 0 || ix < 0 || iy >= dims.Height || ix >= dims.Width)
                            {
                                continue;
                            }

                            float* px = x.Floats + (((((long)n * dims.Height) + iy) * dims.Width + ix) * dims.In);
                            for (int c = 0; c < dims.In; c++)
                            {
                                sum += (double)px[c] * CpuPointwise.Load(
                                    packed, (((((long)o * dims.In) + c) * dims.Kernel + ky) * dims.Kernel) + kx);
                            }
                        }
                    }

                    long at = (((long)row * dims.OutWidth) + ox) * dims.Out + o;
                    y.Floats[at] = CpuPointwise.Apply(dims.Activation, (float)sum) + (addTensor.IsNone ? 0 : addTensor.Floats[at]);
                }
            }
        });
    }
}
