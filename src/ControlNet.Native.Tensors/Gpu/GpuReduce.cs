using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// Sums along an axis, softmax, errors and norms: <c>kernels/reduce.c</c>. Long sums are taken in parts by one launch
/// and joined by the next; how they are cut depends on the axis alone, so results are the same on every run and do not
/// depend on what else is in a batch.
/// </summary>
internal sealed partial class GpuReduce(GpuLauncher launcher) : IReduceKernels
{
    /// <summary>Elements a thread adds up, at most, before there are several parts.</summary>
    private const int ThreadElements = 64;

    private static readonly KernelVariant[] s_sum = GpuActivations.Variants(Kernel("reduce_sum"));
    private static readonly KernelVariant[] s_softmax = GpuActivations.Variants(Kernel("reduce_softmax"));

    public void Sum(in AxisDims d, float scale, BufferView x, BufferView y)
    {
        int partLength = ThreadElements * GpuGrid.Lanes(d.Length, d.Inner);
        int parts = (int)Math.Max(1, GpuGrid.Parts(d.Length, partLength));
        if (parts == 1)
        {
            Sum(d, partLength, parts, SumPairs.None, scale, x, y, y.Type);
            return;
        }

        BufferView sums = launcher.Scratch(DType.F32, 2 * d.Outer * parts * d.Inner, out MemoryBlock block);
        using (block)
        {
            Sum(d, partLength, parts, SumPairs.Written, 1, x, sums, x.Type);
            Sum(d with { Length = parts }, parts, 1, SumPairs.Read, scale, sums, y, y.Type);
        }
    }

    public void Softmax(in AxisDims d, BufferView x, BufferView y)
    {
        int lanes = GpuGrid.Lanes(d.Length, d.Inner);
        launcher.Launch(
            s_softmax.For(x.Type), TeamGrid(d, lanes), x, y, d.Outer * d.Inner, d.Length, d.Inner, lanes);
    }

    /// <summary>
    /// One axis at a time, the innermost first: it leaves the least for the next, and a second one is rare.
    /// </summary>
    public void SumTo(in SumToDims d, float scale, BufferView x, BufferView y)
    {
        ReadOnlySpan<AxisDims> axes =
        [
            new(d.First * d.Outer * d.Length * d.Inner, d.Last, 1),
            new(d.First * d.Outer, d.Length, d.Inner),
            new(1, d.First, d.Outer * d.Inner),
        ];
        int left = (d.Last != 1 ? 1 : 0) + (d.Length != 1 ? 1 : 0) + (d.First != 1 ? 1 : 0);
        if (left == 0)
        {
            Sum(new AxisDims(1, 1, y.Count), scale, x, y);
            return;
        }

        BufferView from = x;
        MemoryBlock? between = null, before = null;
        try
        {
            foreach (AxisDims axis in axes)
            {
                if (axis.Length == 1)
                {
                    continue;
                }

                // What the pass before this one read may be written over: the stream runs that pass first.
                before?.Dispose();
                before = between;
                left--;
                BufferView to = left > 0
                    ? launcher.Scratch(DType.F32, Math.Max(1, axis.Outer * axis.Inner), out between)
                    : y;
                Sum(axis, left > 0 ? 1 : scale, from, to);
                from = to;
            }
        }
        finally
        {
            before?.Dispose();
            between?.Dispose();
        }
    }

    private static KernelVariant Kernel(string entry) => new("reduce", entry, new GridSize(GpuGrid.TeamBlock));

    /// <summary>Blocks of which each has a team for some columns.</summary>
    private static GridSize TeamGrid(in AxisDims d, int lanes) =>
        GpuGrid.Blocks(d.Outer * d.Inner, GpuGrid.TeamBlock / lanes);

    /// <summary>One launch; the type is that of the side that is no pairs, which are F32.</summary>
    private void Sum(
        in AxisDims d, int partLength, int parts, SumPairs pairs, float scale, BufferView x, BufferView y, DType type)
    {
        int lanes = GpuGrid.Lanes(Math.Min(d.Length, partLength), d.Inner);
        GridSize grid = new(checked(TeamGrid(d, lanes).X * parts));
        launcher.Launch(
            s_sum.For(type), grid, x, y, d.Outer * d.Inner, d.Length, d.Inner, partLength, parts, lanes, (int)pairs,
            scale);
    }

    /// <summary>Where a sum is two numbers, what float32 holds of it and the rest.</summary>
    private enum SumPairs
    {
        None = 0,
        Read = 1,
        Written = 2,
    }
}
