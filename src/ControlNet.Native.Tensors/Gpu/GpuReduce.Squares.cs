using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <content>Sums of squares, scaled by their size: neither overflow nor loss of small terms.</content>
internal sealed partial class GpuReduce
{
    /// <summary>Numbers of a part: three ranges of size, a pair each.</summary>
    private const int SumsEach = 6;

    /// <summary>Most parts; the one block that joins them reads eight for each of its threads.</summary>
    private const int MostParts = 1024;

    private static readonly KernelVariant s_squares = Kernel("reduce_squares");
    private static readonly KernelVariant s_squaresJoin = Kernel("reduce_squares_join");

    public void SquaredError(float factor, BufferView x, BufferView target, BufferView y) =>
        Squares(x, target, y, root: 0, factor);

    public void Norm(BufferView x, BufferView y) => Squares(x, BufferView.None, y, root: 1, 1);

    private void Squares(BufferView x, BufferView target, BufferView y, int root, float factor)
    {
        const int Least = ThreadElements * GpuGrid.TeamBlock;
        long partLength = Least * Math.Max(1, GpuGrid.Parts(x.Count, (long)Least * MostParts));
        int parts = (int)Math.Max(1, GpuGrid.Parts(x.Count, partLength));
        BufferView sums = launcher.Scratch(DType.F32, SumsEach * (long)parts, out MemoryBlock block);
        using (block)
        {
            launcher.Launch(s_squares, new GridSize(parts), x, target, sums, x.Count, partLength);
            launcher.Launch(s_squaresJoin, new GridSize(1), sums, y, parts, root, factor);
        }
    }
}
