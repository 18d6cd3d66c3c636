using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <content>
/// Gradients of movements. Each thread finds what it writes, so elements that were used more than once collect their
/// gradients in one order and without atomics.
/// </content>
internal sealed partial class GpuMovement
{
    private static readonly KernelVariant s_copyRowsBackward = Kernel("movement_copy_rows_backward");
    private static readonly KernelVariant s_upsampleBackward = Kernel("movement_upsample_backward");
    private static readonly KernelVariant s_clear = Kernel("movement_clear");
    private static readonly KernelVariant s_gatherRowsBackward = Kernel("movement_gather_rows_backward");

    public void CopyRowsBackward(in CopyRowsDims d, BufferView dy, BufferView dx) =>
        launcher.Launch(
            s_copyRowsBackward, GpuGrid.Elements(dx.Count), dy, dx, dx.Count, d.Rows, d.Length, d.SourceStart,
            d.SourceStep, d.TargetStart, d.TargetStep);

    public void UpsampleNearestBackward(in UpsampleDims d, BufferView dy, BufferView dx)
    {
        long count = (long)d.Batch * d.Height * d.Width * d.Channels;
        launcher.Launch(
            s_upsampleBackward, GpuGrid.Elements(count), dy, dx, count, d.Height, d.Width, d.Channels, d.OutHeight,
            d.OutWidth);
    }

    public void GatherRowsBackward(int width, BufferView ids, BufferView dy, BufferView dTable)
    {
        launcher.Launch(s_clear, GpuGrid.Elements(dTable.Count), dTable, dTable.Count);
        long count = ids.Count * width;
        launcher.Launch(s_gatherRowsBackward, GpuGrid.Elements(count), ids, dy, dTable, count, width);
    }
}
