using System.Threading.Tasks;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Matrix products.</summary>
internal sealed unsafe class CpuMatMul(WorkerTeam team) : IMatMulKernels
{
    private readonly WorkerTeam _team = team;

    public long PackedCount(int outFeatures, int inFeatures) => (long)outFeatures * inFeatures;

    public void Pack(int outFeatures, int inFeatures, BufferView weight, BufferView packed) => new CpuPointwise(_team).Cast(weight, packed);

    public void Linear(in LinearDims d, BufferView x, BufferView packed, BufferView bias, BufferView addTensor, BufferView y)
    {
        LinearDims dims = d;
        Parallel.For(0, d.Rows, r =>
        {
            for (int o = 0; o < dims.Out; o++)
            {
                double sum = bias.IsNone ? 0 : bias.Floats[o];
                for (int i = 0; i < dims.In; i++)
                {
                    sum += (double)x.Floats[((long)r * dims.In) + i] * CpuPointwise.Load(packed, ((long)o * dims.In) + i);
                }

                long at = ((long)r * dims.Out) + o;
                y.Floats[at] = CpuPointwise.Apply(dims.Activation, (float)sum) + (addTensor.IsNone ? 0 : addTensor.Floats[at]);
            }
        });
    }

    public void Product(in MatMulDims d, BufferView a, BufferView b, BufferView y)
    {
        for (int b0 = 0; b0 < d.Batch0; b0++)
        {
            for (int b1 = 0; b1 < d.Batch1; b1++)
            {
                float* pa = a.Floats + (b0 * d.StepA0) + (b1 * d.StepA1);
                float* pb = b.Floats + (b0 * d.StepB0) + (b1 * d.StepB1);
                float* py = y.Floats + ((((long)b0 * d.Batch1) + b1) * d.M * d.N);
                for (int m = 0; m < d.M; m++)
                {
                    for (int n = 0; n < d.N; n++)
                    {
                        double sum = 0;
                        for (int k = 0; k < d.K; k++)
                        {
                            sum += (double)pa[d.TransposeA ? ((long)k * d.M) + m : ((long)m * d.K) + k]
                                * pb[d.TransposeB ? ((long)n * d.K) + k : ((long)k * d.N) + n];
                        }

                        py[((long)m * d.N) + n] = (float)(d.Scale * sum);
                    }
                }
            }
        }
    }
}
