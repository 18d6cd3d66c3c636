using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>
/// Gradients of movements. Work is split over what is written, so elements that were used more than once collect their
/// gradients in one order and without atomics.
/// </content>
internal sealed unsafe partial class CpuMovement
{
    public void CopyRowsBackward(in CopyRowsDims d, BufferView dy, BufferView dx)
    {
        CopyRowsBackwardWork work = new() { Dims = d, DY = dy.Floats, DX = dx.Floats, Count = dx.Count };
        team.For(Partition.Items(dx.Count, 1), ref work);
    }

    public void UpsampleNearestBackward(in UpsampleDims d, BufferView dy, BufferView dx)
    {
        UpsampleBackwardWork work = new() { Dims = d, DY = dy.Floats, DX = dx.Floats };
        team.For(Partition.Items((long)d.Batch * d.Height, work.RowElements), ref work);
    }

    public void GatherRowsBackward(int width, BufferView ids, BufferView dy, BufferView dTable)
    {
        if (width == 0)
        {
            return;
        }

        GatherRowsBackwardWork work = new()
        {
            Ids = (int*)ids.Address, IdCount = ids.Count, DY = dy.Floats, DTable = dTable.Floats, Width = width,
            Rows = dTable.Count / width,
        };
        team.For(Partition.Items(work.Rows, width), ref work);
    }

    /// <summary>target += source</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add(float* source, float* target, long count)
    {
        long i = 0;
        if (Vector128.IsHardwareAccelerated)
        {
            for (; i <= count - 16; i += 16)
            {
                (Vector512.Load(target + i) + Vector512.Load(source + i)).Store(target + i);
            }
        }

        for (; i < count; i++)
        {
            target[i] += source[i];
        }
    }

    /// <summary>An item is a range of dx, whatever rows it meets.</summary>
    private struct CopyRowsBackwardWork : IParallelWork
    {
        public CopyRowsDims Dims;
        public float* DY, DX;
        public long Count;

        public readonly void Run(int item, int worker)
        {
            CopyRowsDims d = Dims;
            (long at, long end) = Partition.Range(item, Count, 1);
            while (at < end)
            {
                // The last row that starts at or before this element, and how far into it or beyond it lies.
                long row = at < d.SourceStart || d.Rows == 0 ? -1
                    : d.SourceStep == 0 ? 0 : Math.Min(d.Rows - 1, (at - d.SourceStart) / d.SourceStep);
                long inside = row < 0 ? d.Length : at - d.SourceStart - (row * d.SourceStep);
                bool copies = inside < d.Length;
                long next = copies ? at + d.Length - inside
                    : row + 1 < d.Rows ? d.SourceStart + ((row + 1) * d.SourceStep) : Count;
                int count = (int)(Math.Min(end, next) - at);
                Span<float> target = new(DX + at, count);
                if (copies)
                {
                    new ReadOnlySpan<float>(DY + d.TargetStart + (row * d.TargetStep) + inside, count).CopyTo(target);
                }
                else
                {
                    target.Clear();
                }

                at += count;
            }
        }
    }

    private struct UpsampleBackwardWork : IParallelWork
    {
        public UpsampleDims Dims;
        public float* DY, DX;

        /// <summary>Elements read and written for one row of dx.</summary>
        public readonly long RowElements =>
            (((long)Dims.OutHeight * Dims.OutWidth / Math.Max(1, Dims.Height)) + Dims.Width) * Dims.Channels;

        public readonly void Run(int item, int worker)
        {
            UpsampleDims d = Dims;
            (long row, long end) = Partition.Range(item, (long)d.Batch * d.Height, RowElements);
            for (; row < end; row++)
            {
                (long image, long y) = Math.DivRem(row, d.Height);
                (long firstY, long endY) = Targets(y, d.Height, d.OutHeight);
                for (int x = 0; x < d.Width; x++)
                {
                    (long firstX, long endX) = Targets(x, d.Width, d.OutWidth);
                    float* dx = DX + (((row * d.Width) + x) * d.Channels);
                    float* dy = DY + ((((image * d.OutHeight) + firstY) * d.OutWidth) + firstX) * d.Channels;
                    if (endY - firstY == 2 && endX - firstX == 2)
                    {
                        SumOfFour(dy, dy + ((long)d.OutWidth * d.Channels), dx, d.Channels);
                    }
                    else
                    {
                        SumOf(dy, endY - firstY, endX - firstX, dx);
                    }
                }
            }
        }

        /// <summary>The targets t with floor(t * out / in) == source: those from the first to before the end.</summary>
        private static (long First, long End) Targets(long source, long extent, long outExtent) =>
            (((source * outExtent) + extent - 1) / extent, (((source + 1) * outExtent) + extent - 1) / extent);

        private readonly void SumOf(float* dy, long rows, long columns, float* dx)
        {
            new Span<float>(dx, Dims.Channels).Clear();
            for (long r = 0; r < rows; r++)
            {
                for (long c = 0; c < columns; c++)
                {
                    Add(dy + (((r * Dims.OutWidth) + c) * Dims.Channels), dx, Dims.Channels);
                }
            }
        }

        /// <summary>Twice the size, the only way a decoder goes: two neighbours of each of two rows.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void SumOfFour(float* upper, float* lower, float* dx, int channels)
        {
            int c = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; c <= channels - 16; c += 16)
                {
                    Vector512<float> sum = Vector512.Load(upper + c) + Vector512.Load(upper + channels + c);
                    (sum + Vector512.Load(lower + c) + Vector512.Load(lower + channels + c)).Store(dx + c);
                }
            }

            for (; c < channels; c++)
            {
                dx[c] = upper[c] + upper[channels + c] + lower[c] + lower[channels + c];
            }
        }
    }

    /// <summary>
    /// An item is a range of rows of the table and looks through all ids: they are few beside the elements.
    /// </summary>
    private struct GatherRowsBackwardWork : IParallelWork
    {
        public int* Ids;
        public long IdCount, Rows;
        public float* DY, DTable;
        public int Width;

        public readonly void Run(int item, int worker)
        {
            (long first, long end) = Partition.Range(item, Rows, Width);
            new Span<float>(DTable + (first * Width), checked((int)((end - first) * Width))).Clear();
            for (long i = 0; i < IdCount; i++)
            {
                if (Ids[i] >= first && Ids[i] < end)
                {
                    Add(DY + (i * Width), DTable + ((long)Ids[i] * Width), Width);
                }
            }
        }
    }
}
