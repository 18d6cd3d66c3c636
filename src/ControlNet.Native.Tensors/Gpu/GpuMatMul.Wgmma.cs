using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

internal sealed partial class GpuMatMul
{
    private static readonly KernelVariant[] s_wgmma = WgmmaTiles.Variants("nv/matmul_wgmma", "matmul_wgmma");

    private void LaunchWgmma(
        KernelLaunch found, in Call c, Activation activation, BufferView a, BufferView b, BufferView bias,
        BufferView addTensor, BufferView y)
    {
        TensorMap rows = TensorMap.OfLines(
            a, c.Depth, (c.Rows, c.RowA), (c.Batch1, c.BatchA.Step1), (c.Batch0, c.BatchA.Step0), WgmmaTiles.Rows);
        TensorMap columns = TensorMap.OfLines(
            b, c.Depth, (c.Columns, c.ColumnB), (c.Batch1, c.BatchB.Step1), (c.Batch0, c.BatchB.Step0),
            found.Tile.Columns);
        launcher.Launch(
            found.Kernel, found.Grid, rows, columns, bias, addTensor, y, c.Rows, c.Columns, c.Depth,
            c.Batch1, TensorMap.Moves(c.BatchA.Step0), TensorMap.Moves(c.BatchA.Step1),
            TensorMap.Moves(c.BatchB.Step0), TensorMap.Moves(c.BatchB.Step1), c.Scale, (int)activation,
            GpuTiles.Halves(y));
    }

    /// <summary>What <c>mma</c> takes, where there is something to add up and lines do not overlap.</summary>
    private static bool TakesWgmma(Operands o) =>
        Takes(o) && o.Call.Depth > 0 && o.Call.RowA >= o.Call.Depth && o.Call.ColumnB >= o.Call.Depth;

    private static KernelLaunch ChooseWgmma(Operands o, GpuLimits limits) => WgmmaTiles.Choose(
        s_wgmma, o.Call.Rows, o.Call.Columns, (long)o.Call.Batch0 * o.Call.Batch1, limits.Units);
}
