using System;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Joins the parts of dq that the shares of a head left. One item is some queries of one head.</summary>
internal struct AttentionQueryGradientLoop : IParallelWork
{
    private const int Rows = 128;

    public AttentionBackwardLoop Parts;

    public readonly int Items => checked(Parts.Dims.Batch * Parts.Dims.Heads * Blocks);

    private readonly int Blocks => (int)(((long)Parts.Dims.Queries + Rows - 1) / Rows);

    public readonly unsafe void Run(int item, int worker)
    {
        (int unit, int block) = Math.DivRem(item, Blocks);
        long step = Parts.PartFloats;
        Parts.StoreQueryGradients(
            Parts.Parts + (unit * Parts.Shares * step), Parts.Shares, step, unit, block * Rows,
            Math.Min(Parts.Dims.Queries, (block + 1) * Rows));
    }
}
