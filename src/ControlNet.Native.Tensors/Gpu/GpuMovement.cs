using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>Moves elements: <c>kernels/movement.c</c>.</summary>
internal sealed partial class GpuMovement(GpuLauncher launcher) : IMovementKernels
{
    /// <summary>Rows and columns of what a block transposes.</summary>
    private const int Tile = 32;

    private static readonly KernelVariant[] s_permute = GpuActivations.Variants(Kernel("movement_permute"));
    private static readonly KernelVariant[] s_transpose =
        GpuActivations.Variants(new("movement", "movement_transpose", new GridSize(Tile, 8)));

    private static readonly KernelVariant[] s_upsample = GpuActivations.Variants(Kernel("movement_upsample"));
    private static readonly KernelVariant s_copyRows = Kernel("movement_copy_rows");
    private static readonly KernelVariant s_gatherRows = Kernel("movement_gather_rows");

    public void Permute(in PermuteDims d, BufferView x, BufferView y)
    {
        PermuteAxes axes = new(d);
        if (axes.Transposes)
        {
            Transpose(axes, x, y);
            return;
        }

        launcher.Launch(
            s_permute.For(x.Type), GpuGrid.Elements(y.Count), x, y, y.Count, axes.Count,
            axes[0].Extent, axes[1].Extent, axes[2].Extent,
            axes[0].StepX, axes[1].StepX, axes[2].StepX, axes[Math.Max(0, axes.Count - 1)].StepX);
    }

    public void CopyRows(in CopyRowsDims d, BufferView x, BufferView y)
    {
        long count = d.Rows * d.Length;
        launcher.Launch(
            s_copyRows, GpuGrid.Elements(count), x, y, count, d.Length, d.SourceStart, d.SourceStep, d.TargetStart,
            d.TargetStep, x.Type.ElementBytes());
    }

    public void UpsampleNearest(in UpsampleDims d, BufferView x, BufferView y)
    {
        long count = (long)d.Batch * d.OutHeight * d.OutWidth * d.Channels;
        launcher.Launch(
            s_upsample.For(x.Type), GpuGrid.Elements(count), x, y, count, d.Height, d.Width, d.Channels, d.OutHeight,
            d.OutWidth);
    }

    public void GatherRows(int width, BufferView table, BufferView ids, BufferView y)
    {
        long count = ids.Count * width;
        launcher.Launch(s_gatherRows, GpuGrid.Elements(count), table, ids, y, count, width, (int)table.Type);
    }

    private static KernelVariant Kernel(string entry) => new("movement", entry, GpuGrid.ElementBlock);

    /// <summary>
    /// The last axis of y gives the columns of a plane, the axis of y along which x is contiguous its rows; both others
    /// count planes.
    /// </summary>
    private void Transpose(in PermuteAxes axes, BufferView x, BufferView y)
    {
        PermuteAxis columns = axes[0], rows = PermuteAxis.Single, inner = rows, outer = rows;
        for (int i = 1; i < axes.Count; i++)
        {
            if (axes[i].StepX == 1)
            {
                rows = axes[i];
            }
            else
            {
                (outer, inner) = (inner, axes[i]);
            }
        }

        long rowTiles = GpuGrid.Parts(rows.Extent, Tile), columnTiles = GpuGrid.Parts(columns.Extent, Tile);
        launcher.Launch(
            s_transpose.For(x.Type), GpuGrid.Blocks(outer.Extent * inner.Extent * rowTiles * columnTiles, 1), x, y,
            rows.Extent, columns.Extent, rowTiles, columnTiles, inner.Extent, outer.StepX, inner.StepX, columns.StepX,
            outer.StepY, inner.StepY, rows.StepY);
    }

    /// <summary>One axis of y: how many members, and the elements from one to the next in x and in y.</summary>
    private readonly record struct PermuteAxis(long Extent, long StepX, long StepY)
    {
        public static PermuteAxis Single => new(1, 0, 0);
    }

    /// <summary>The axes of y from the innermost out, with neighbours that stay neighbours merged.</summary>
    private readonly struct PermuteAxes
    {
        private readonly PermuteAxis[] _axes = new PermuteAxis[Shape.MaxRank];

        public PermuteAxes(in PermuteDims d)
        {
            ReadOnlySpan<int> extents = [d.D0, d.D1, d.D2, d.D3];
            ReadOnlySpan<int> from = [d.From0, d.From1, d.From2, d.From3];
            long stepY = 1;
            for (int i = Shape.MaxRank - 1; i >= 0; i--)
            {
                long stepX = 1;
                for (int later = from[i] + 1; later < Shape.MaxRank; later++)
                {
                    stepX *= extents[later];
                }

                int extent = extents[from[i]];
                PermuteAxis inner = Count > 0 ? _axes[Count - 1] : default;
                if (Count > 0 && stepX == inner.StepX * inner.Extent)
                {
                    _axes[Count - 1] = inner with { Extent = inner.Extent * extent };
                }
                else if (extent != 1)
                {
                    _axes[Count++] = new PermuteAxis(extent, stepX, stepY);
                }

                stepY *= extent;
            }
        }

        /// <summary>Axes that are left; none of a single element.</summary>
        public int Count { get; }

        /// <summary>Whether runs of x are not runs of y.</summary>
        public bool Transposes => Count > 0 && _axes[0].StepX != 1;

        public PermuteAxis this[int axis] => _axes[axis];
    }
}
