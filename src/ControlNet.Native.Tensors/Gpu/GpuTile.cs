namespace ControlNet.Native.Tensors.Gpu;

/// <summary>A kernel that makes tiles of results, and how large they are.</summary>
/// <param name="Kernel">What is launched.</param>
/// <param name="Rows">Rows of a tile.</param>
/// <param name="Columns">Columns of a tile.</param>
internal readonly record struct GpuTile(KernelVariant Kernel, int Rows, int Columns)
{
    /// <summary>One block for each tile of each of <paramref name="results"/>.</summary>
    public GridSize Grid(int rows, int columns, long results) =>
        new(checked((int)(GpuGrid.Parts(rows, Rows) * GpuGrid.Parts(columns, Columns) * results)));
}
