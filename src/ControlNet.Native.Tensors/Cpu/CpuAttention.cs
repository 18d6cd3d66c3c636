using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Attention without a score matrix: each worker holds one tile of scores. Source: Dao et al., 2022, arXiv:2205.14135,
/// for the order of work.
/// </summary>
internal sealed unsafe partial class CpuAttention(WorkerTeam team, CpuMemory memory) : IAttentionKernels
{
    public void Forward(
        in AttentionDims d, BufferView q, BufferView k, BufferView v, BufferView y, BufferView sums)
    {
        AttentionLoop loop = new()
        {
            Team = team,
            Kernel = GemmKernel.Best,
            Dims = d,
            Q = q.Floats,
            K = k.Floats,
            V = v.Floats,
            Y = y.Floats,
            Sums = FloatsOrNull(sums),
        };
        team.For(checked(d.Batch * d.Heads * loop.Blocks), ref loop);
    }
}
