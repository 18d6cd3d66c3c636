using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Gradients of attention, again without a score matrix.</content>
internal sealed unsafe partial class CpuAttention
{
    public void Backward(
        in AttentionDims d, BufferView q, BufferView k, BufferView v, BufferView y, BufferView sums, BufferView dy,
        BufferView dq, BufferView dk, BufferView dv)
    {
        AttentionBackwardLoop loop = new(team, d)
        {
            Q = q.Floats,
            K = k.Floats,
            V = v.Floats,
            Y = y.Floats,
            Sums = sums.Floats,
            DY = dy.Floats,
            DQ = FloatsOrNull(dq),
            DK = FloatsOrNull(dk),
            DV = FloatsOrNull(dv),
        };
        if (dq.IsNone || loop.Shares == 1)
        {
            team.For(loop.Items, ref loop);
            return;
        }

        using MemoryBlock parts = memory.Allocate(loop.PartsBytes);
        loop.Parts = (float*)parts.HostAddress;
        team.For(loop.Items, ref loop);
        AttentionQueryGradientLoop join = new() { Parts = loop };
        team.For(join.Items, ref join);
    }

    private static float* FloatsOrNull(BufferView view) => view.IsNone ? null : view.Floats;
}
