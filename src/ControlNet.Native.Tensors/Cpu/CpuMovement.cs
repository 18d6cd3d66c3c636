using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Moves elements. Whole runs go through the library's block copy, which is as fast as memory.</summary>
internal sealed unsafe partial class CpuMovement(WorkerTeam team) : IMovementKernels
{
    public void Permute(in PermuteDims d, BufferView x, BufferView y)
    {
        PermuteWork work = new(d, x.Floats, y.Floats);
        team.For(Partition.Items(work.Planes * work.Bands, (long)work.Columns * work.RowsEach), ref work);
    }

    public void CopyRows(in CopyRowsDims d, BufferView x, BufferView y)
    {
        int bytes = x.Type.ElementBytes();
        CopyRowsWork work = new() { Dims = d, X = (byte*)x.Address, Y = (byte*)y.Address, ElementBytes = bytes };
        team.For(Partition.Items(d.Rows * work.Pieces, d.Length / work.Pieces), ref work);
    }

    public void UpsampleNearest(in UpsampleDims d, BufferView x, BufferView y)
    {
        UpsampleWork work = new() { Dims = d, X = x.Floats, Y = y.Floats };
        team.For(Partition.Items(work.Rows, work.RowWidth), ref work);
    }

    public void GatherRows(int width, BufferView table, BufferView ids, BufferView y)
    {
        int* indices = (int*)ids.Address;
        int bytes = table.Type.ElementBytes();
        for (long i = 0; i < ids.Count; i++)
        {
            HalfLanes.Widen(
                table.Type, (byte*)table.Address + ((long)indices[i] * width * bytes), y.Floats + (i * width), width);
        }
    }

    private struct CopyRowsWork : IParallelWork
    {
        public CopyRowsDims Dims;
        public byte* X, Y;
        public int ElementBytes;

        /// <summary>A long row is copied in pieces, so that one row is work for all threads.</summary>
        public readonly long Pieces => Math.Max(1, Partition.Items(Dims.Length, 1));

        public readonly void Run(int item, int worker)
        {
            long pieces = Pieces;
            (long at, long end) = Partition.Range(item, Dims.Rows * pieces, Dims.Length / pieces);
            for (; at < end; at++)
            {
                (long row, long piece) = Math.DivRem(at, pieces);
                (long first, long last) = Partition.Range((int)piece, Dims.Length, 1);
                long bytes = (last - first) * ElementBytes;
                byte* source = X + ((Dims.SourceStart + (row * Dims.SourceStep) + first) * ElementBytes);
                byte* target = Y + ((Dims.TargetStart + (row * Dims.TargetStep) + first) * ElementBytes);
                Buffer.MemoryCopy(source, target, bytes, bytes);
            }
        }
    }

    /// <summary>
    /// A row of work is a row of x: its pixels are repeated once, and the other rows of y it becomes are copies of the
    /// first, which is still in the cache. Sources: row floor(r Height / OutHeight), columns likewise.
    /// </summary>
    private struct UpsampleWork : IParallelWork
    {
        public UpsampleDims Dims;
        public float* X, Y;

        public readonly long Rows => (long)Dims.Batch * Dims.Height;

        public readonly long RowWidth =>
            (long)Dims.OutWidth * Dims.Channels * Dims.OutHeight / Math.Max(1, Dims.Height);

        public readonly void Run(int item, int worker)
        {
            UpsampleDims d = Dims;
            long outFloats = (long)d.OutWidth * d.Channels;
            (long row, long end) = Partition.Range(item, Rows, RowWidth);
            for (; row < end; row++)
            {
                (long image, long at) = Math.DivRem(row, d.Height);
                long first = FirstOut(at), stop = FirstOut(at + 1);
                float* y = Y + (((image * d.OutHeight) + first) * outFloats);
                if (first < stop)
                {
                    Repeat(X + (row * d.Width * d.Channels), y);
                }

                for (long copy = first + 1; copy < stop; copy++)
                {
                    y += outFloats;
                    Buffer.MemoryCopy(y - outFloats, y, outFloats * sizeof(float), outFloats * sizeof(float));
                }
            }
        }

        /// <summary>The first row of y that comes from row <paramref name="at"/> of x or a later one.</summary>
        private readonly long FirstOut(long at) => ((at * Dims.OutHeight) + Dims.Height - 1) / Dims.Height;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Repeat(float* x, float* y)
        {
            int channels = Dims.Channels;
            long width = Dims.Width, outWidth = Dims.OutWidth;
            for (long column = 0; column < outWidth; column++, y += channels)
            {
                float* source = x + (column * width / outWidth * channels);
                int c = 0;
                for (; Vector128.IsHardwareAccelerated && c <= channels - 16; c += 16)
                {
                    Vector512.Load(source + c).Store(y + c);
                }

                for (; c < channels; c++)
                {
                    y[c] = source[c];
                }
            }
        }
    }

    /// <summary>
    /// A permutation as transpositions of planes. Neighbouring axes that stay neighbours are merged first. The last
    /// axis of y gives the columns of a plane, the axis of y along which x is contiguous its rows; both others count
    /// planes. Where those two are one axis nothing is transposed and whole runs are copied.
    /// </summary>
    private readonly struct PermuteWork : IParallelWork
    {
        /// <summary>Rows of one item of work: a cache line of x, so no line is fetched twice.</summary>
        private const int Band = 16;

        private readonly float* _x, _y;
        private readonly Axis _outer, _inner, _rows, _columns;

        public PermuteWork(in PermuteDims d, float* x, float* y)
        {
            _x = x;
            _y = y;
            Span<int> extents = [d.D0, d.D1, d.D2, d.D3];
            Span<int> from = [d.From0, d.From1, d.From2, d.From3];
            Span<Axis> axes = stackalloc Axis[Shape.MaxRank];
            int count = 0;
            long stepY = 1;
            for (int i = Shape.MaxRank - 1; i >= 0; i--)
            {
                long stepX = 1;
                for (int later = from[i] + 1; later < Shape.MaxRank; later++)
                {
                    stepX *= extents[later];
                }

                int extent = extents[from[i]];
                if (count > 0 && stepX == axes[count - 1].StepX * axes[count - 1].Extent)
                {
                    axes[count - 1] = axes[count - 1] with { Extent = axes[count - 1].Extent * extent };
                }
                else if (extent != 1)
                {
                    axes[count++] = new Axis(extent, stepX, stepY);
                }

                stepY *= extent;
            }

            // axes[0] is the last of y; find the one along which x is contiguous.
            (_outer, _inner, _rows) = (Axis.Single, Axis.Single, Axis.Single);
            _columns = count > 0 ? axes[0] : Axis.Single;
            for (int i = 1; i < count; i++)
            {
                if (axes[i].StepX == 1)
                {
                    _rows = axes[i];
                }
                else
                {
                    (_outer, _inner) = (_inner, axes[i]);
                }
            }

            if (_columns.StepX == 1 && count > 1)
            {
                // Nothing to transpose: the third axis, if there is one, may serve as the rows.
                (_rows, _inner, _outer) = (_inner, _outer, count > 3 ? axes[1] : Axis.Single);
            }
        }

        public long Planes => _outer.Extent * _inner.Extent;

        public long Bands => (_rows.Extent + Band - 1) / Band;

        public long Columns => _columns.Extent;

        public int RowsEach => (int)Math.Min(Band, _rows.Extent);

        public void Run(int item, int worker)
        {
            (long at, long end) = Partition.Range(item, Planes * Bands, Columns * RowsEach);
            for (; at < end; at++)
            {
                (long plane, long band) = Math.DivRem(at, Bands);
                (long outer, long inner) = Math.DivRem(plane, _inner.Extent);
                long first = band * Band;
                float* x = _x + (outer * _outer.StepX) + (inner * _inner.StepX) + (first * _rows.StepX);
                float* y = _y + (outer * _outer.StepY) + (inner * _inner.StepY) + (first * _rows.StepY);
                int rows = (int)Math.Min(Band, _rows.Extent - first);
                if (_columns.StepX == 1)
                {
                    CopyBand(x, y, rows);
                }
                else
                {
                    TransposeBand(x, y, rows);
                }
            }
        }

        private void CopyBand(float* x, float* y, int rows)
        {
            long bytes = _columns.Extent * sizeof(float);
            for (int row = 0; row < rows; row++)
            {
                Buffer.MemoryCopy(x + (row * _rows.StepX), y + (row * _rows.StepY), bytes, bytes);
            }
        }

        /// <summary>Rows of y from columns of x; x is contiguous along the rows of y.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void TransposeBand(float* x, float* y, int rows)
        {
            (long columns, long stepX, long stepY) = (_columns.Extent, _columns.StepX, _rows.StepY);
            long column = 0;
            if (Vector128.IsHardwareAccelerated && rows % 4 == 0 && _rows.StepX == 1)
            {
                for (; column <= columns - 4; column += 4)
                {
                    for (int row = 0; row < rows; row += 4)
                    {
                        Transpose4x4(x + (column * stepX) + row, stepX, y + (row * stepY) + column, stepY);
                    }
                }
            }

            for (; column < columns; column++)
            {
                for (int row = 0; row < rows; row++)
                {
                    y[(row * stepY) + column] = x[(column * stepX) + (row * _rows.StepX)];
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Transpose4x4(float* x, long stepX, float* y, long stepY)
        {
            Vector128<float> a = Vector128.Load(x);
            Vector128<float> b = Vector128.Load(x + stepX);
            Vector128<float> c = Vector128.Load(x + (2 * stepX));
            Vector128<float> d = Vector128.Load(x + (3 * stepX));
            Vector256<float> ab = Vector256.Create(a, b), cd = Vector256.Create(c, d);

            // Each result row takes one element of every source row.
            Vector256<float> pairsLow = Vector256.Shuffle(ab, Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7));
            Vector256<float> pairsHigh = Vector256.Shuffle(cd, Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7));
            Store2x2(pairsLow.GetLower(), pairsHigh.GetLower(), y, y + stepY);
            Store2x2(pairsLow.GetUpper(), pairsHigh.GetUpper(), y + (2 * stepY), y + (3 * stepY));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store2x2(Vector128<float> low, Vector128<float> high, float* first, float* second)
        {
            Vector128.Create(low.GetLower(), high.GetLower()).Store(first);
            Vector128.Create(low.GetUpper(), high.GetUpper()).Store(second);
        }

        /// <summary>One axis of y: how many members, and the elements from one to the next in x and in y.</summary>
        private readonly record struct Axis(long Extent, long StepX, long StepY)
        {
            public static Axis Single => new(1, 0, 0);
        }
    }
}
