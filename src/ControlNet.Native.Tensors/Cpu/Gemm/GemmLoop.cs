using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>The blocks of one product as the items of a parallel loop.</summary>
internal unsafe struct GemmLoop : IParallelWork
{
    public const int MaxTilesPerItem = 128;

    public GemmProblem Problem;
    public WorkerTeam Team;

    /// <summary>Rows of a tile at most, and the micro-kernel that takes them.</summary>
    public GemmKernel Kernel;

    public int TilesPerLine, Tiles;

    /// <summary>
    /// Into how many blocks tiles and panels are cut. Equal parts, so that no worker gets a short last one.
    /// </summary>
    public int RowBlocks, ColumnBlocks;

    /// <summary>Extent of a block of k.</summary>
    public int BlockDepth;

    /// <summary>Whether consecutive items share the rows rather than the panels.</summary>
    public bool RowsOuter;

    /// <summary>
    /// The sums may not lie in y before they are finished, because y is also a source, or because its rows would
    /// displace each other in the cache.
    /// </summary>
    public bool SumsWait;

    /// <summary>The rows of a would displace each other in the cache and are copied, a block of k at a time.</summary>
    public bool CopyRows;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public readonly void Run(int item, int worker)
    {
        int itemsPerMember = RowBlocks * ColumnBlocks;
        (int member, int block) = Math.DivRem(item, itemsPerMember);
        (int rowBlock, int columnBlock) = RowsOuter
            ? (block / ColumnBlocks, block % ColumnBlocks)
            : (block % RowBlocks, block / RowBlocks);
        (int firstTile, int endTile) = Part(Tiles, rowBlock, RowBlocks);
        (int firstPanel, int endPanel) = Part(Problem.PanelCount, columnBlock, ColumnBlocks);
        (int member0, int member1) = Math.DivRem(member, Problem.Batch1);

        GemmTile* tiles = stackalloc GemmTile[MaxTilesPerItem];
        float* a = Problem.A + (member0 * Problem.StepA0) + (member1 * Problem.StepA1);
        int tileCount = FindTiles(a, firstTile, endTile, tiles);
        Multiply(
            tiles, tileCount, firstPanel, endPanel,
            (member0 * Problem.StepPanels0) + (member1 * Problem.StepPanels1),
            Problem.Y + (member * Problem.Rows * Problem.Columns), worker);
    }

    /// <summary>
    /// The part <paramref name="index"/> of <paramref name="count"/> things cut into nearly equal parts.
    /// </summary>
    private static (int First, int End) Part(int count, int index, int parts) =>
        ((int)((long)count * index / parts), (int)((long)count * (index + 1) / parts));

    private readonly int FindTiles(float* a, int firstTile, int endTile, GemmTile* tiles)
    {
        for (int t = firstTile; t < endTile; t++)
        {
            (int line, int part) = Math.DivRem(t, TilesPerLine);
            (int image, int lineInImage) = Math.DivRem(line, Problem.ImageLines);
            (int first, int end) = Part(Problem.LineRows, part, TilesPerLine);
            tiles[t - firstTile] = new GemmTile
            {
                A = a + (image * Problem.ImageStep) + (lineInImage * Problem.LineStep)
                    + (first * (Problem.TransposeA ? 1 : Problem.StrideA)),
                FirstRow = ((long)line * Problem.LineRows) + first,
                Rows = end - first,
                Image = image,
            };
        }

        return endTile - firstTile;
    }

    /// <summary>
    /// The rows of <paramref name="tiles"/> times some panels. Sums go straight into y unless they have to wait: then,
    /// and for the last panel when it is not full, they go through scratch memory.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(
        GemmTile* tiles, int tileCount, int firstPanel, int endPanel, long panelOffset, float* y, int worker)
    {
        const int Width = GemmKernel.PanelColumns;
        int columns = Problem.Columns, runDepth = Problem.RunDepth;
        bool widen = Problem.PanelType != DType.F32;
        bool finish = Problem.Epilogue.IsNeeded;
        long row0 = tiles[0].FirstRow;
        long rows = tiles[tileCount - 1].FirstRow + tiles[tileCount - 1].Rows - row0;
        int waitingPanels = SumsWait ? endPanel - firstPanel : 1;
        long widenedFloats = widen ? (long)BlockDepth * Width : 0, waitingFloats = rows * waitingPanels * Width;
        float* widened = Team.Scratch(
            worker, widenedFloats + waitingFloats + (CopyRows ? rows * BlockDepth : 0));
        float* waiting = widened + widenedFloats, copied = waiting + waitingFloats;

        for (int run = 0; run < Problem.Runs; run++)
        {
            int k = 0;
            do
            {
                int depth = Math.Min(BlockDepth, runDepth - k);
                bool first = run == 0 && k == 0, last = run == Problem.Runs - 1 && k + depth == runDepth;
                long offsetA = (run * Problem.RunStep) + (Problem.TransposeA ? k * Problem.StrideA : k);
                long strideA = CopyRows ? depth : Problem.StrideA, depthDone = ((long)run * runDepth) + k;
                if (CopyRows)
                {
                    Copy(tiles, tileCount, offsetA, depth, copied);
                }

                // A tile whose rows lie next to each other is one run of lines that the kernel can prefetch.
                bool adjacent = !Problem.TransposeA && !CopyRows && strideA * Kernel.MaxRows <= depth * 16L;
                for (int panel = firstPanel; panel < endPanel; panel++)
                {
                    byte* source = PanelAddress(panelOffset, panel, depthDone);
                    float* b = (float*)source;
                    if (widen)
                    {
                        HalfLanes.Widen(Problem.PanelType, source, widened, (long)depth * Width);
                        b = widened;
                    }

                    byte* ahead = panel + 1 < endPanel
                        ? PanelAddress(panelOffset, panel + 1, depthDone)
                        : PanelAddress(panelOffset, firstPanel, depthDone + depth);
                    int column = panel * Width, width = Math.Min(Width, columns - column);
                    delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> kernel =
                        KernelFor(width);
                    bool wait = SumsWait || width < Width, apply = last && (finish || wait);
                    float* sums0 = !wait ? y + (row0 * columns) + column
                        : SumsWait ? waiting + ((panel - firstPanel) * Width) : waiting;
                    long stride = !wait ? columns : (long)waitingPanels * Width;
                    for (int t = 0; t < tileCount; t++)
                    {
                        long row = tiles[t].FirstRow - row0;
                        float* a = CopyRows ? copied + (row * depth) : tiles[t].A + offsetA;
                        float* sums = sums0 + (row * stride);
                        if (first)
                        {
                            Prefetch(sums, stride, tiles[t].Rows, false);
                        }

                        if (last && SumsWait)
                        {
                            float* results = y + (tiles[t].FirstRow * columns) + column;
                            Prefetch(results, columns, tiles[t].Rows, true);
                        }

                        byte* next = t < (widen ? 1 : 2) ? ahead + ((long)t * depth * 64)
                            : adjacent && panel == firstPanel && t + 1 < tileCount ? (byte*)(tiles[t + 1].A + offsetA)
                            : null;
                        kernel(tiles[t].Rows, depth, a, (nint)strideA, b, sums, (nint)stride, !first, next);
                        if (apply && t > 0)
                        {
                            // A tile late: sums just stored are still on their way to the cache.
                            Problem.Epilogue.Apply(
                                sums0 + ((tiles[t - 1].FirstRow - row0) * stride), stride, y, columns, tiles[t - 1],
                                column, width);
                        }
                    }

                    if (apply)
                    {
                        Problem.Epilogue.Apply(
                            sums0 + ((tiles[tileCount - 1].FirstRow - row0) * stride), stride, y, columns,
                            tiles[tileCount - 1], column, width);
                    }
                }

                k += depth;
            }
            while (k < runDepth);
        }
    }

    private readonly delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> KernelFor(
        int width) =>
        width > GemmKernel.NarrowColumns
            ? Problem.TransposeA ? Kernel.Transposed : Kernel.RowMajor
            : Problem.TransposeA ? Kernel.TransposedNarrow : Kernel.RowMajorNarrow;

    /// <summary>A block of k of all rows, one after the other.</summary>
    private readonly void Copy(GemmTile* tiles, int tileCount, long offsetA, int depth, float* copied)
    {
        for (int t = 0; t < tileCount; t++)
        {
            float* from = tiles[t].A + offsetA;
            for (int r = 0; r < tiles[t].Rows; r++, from += Problem.StrideA, copied += depth)
            {
                Buffer.MemoryCopy(from, copied, depth * sizeof(float), depth * sizeof(float));
            }
        }
    }

    /// <summary>
    /// Has the lines where the sums of a tile will go brought in while they are being formed: a store that misses holds
    /// up the epilogue. Rows that would displace each other in the first level go to the second.
    /// </summary>
    private static void Prefetch(float* sums, long stride, int rows, bool secondLevel)
    {
        for (; Sse.IsSupported && rows > 0; rows--, sums += stride)
        {
            if (secondLevel)
            {
                Sse.Prefetch1(sums);
                Sse.Prefetch1(sums + 16);
            }
            else
            {
                Sse.Prefetch0(sums);
                Sse.Prefetch0(sums + 16);
            }
        }
    }

    private readonly byte* PanelAddress(long offset, int panel, long depth)
    {
        long element = offset + ((((long)panel * Problem.Depth) + depth) * GemmKernel.PanelColumns);
        return (byte*)Problem.Panels + (element * Problem.PanelType.ElementBytes());
    }
}
