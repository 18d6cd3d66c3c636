using System;
using System.Runtime.CompilerServices;

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

    /// <summary>The sums may not lie in y before they are finished, because y is also a source.</summary>
    public bool YIsSource;

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
    /// The rows of <paramref name="tiles"/> times some panels. Sums go straight into y unless y has to wait: then, and
    /// for the last panel when it is not full, they go through scratch memory.
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
        int waitingPanels = YIsSource ? endPanel - firstPanel : 1;
        float* widened = Team.Scratch(worker, ((long)BlockDepth * Width) + (rows * waitingPanels * Width));
        float* waiting = widened + ((long)BlockDepth * Width);
        delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> kernel =
            Problem.TransposeA ? Kernel.Transposed : Kernel.RowMajor;

        for (int run = 0; run < Problem.Runs; run++)
        {
            int k = 0;
            do
            {
                int depth = Math.Min(BlockDepth, runDepth - k);
                bool first = run == 0 && k == 0, last = run == Problem.Runs - 1 && k + depth == runDepth;
                long offsetA = (run * Problem.RunStep) + (Problem.TransposeA ? k * Problem.StrideA : k);
                long depthDone = ((long)run * runDepth) + k;
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
                    bool wait = YIsSource || width < Width;
                    float* sums0 = !wait ? y + (row0 * columns) + column
                        : YIsSource ? waiting + ((panel - firstPanel) * Width) : waiting;
                    long stride = !wait ? columns : (long)waitingPanels * Width;
                    for (int t = 0; t < tileCount; t++)
                    {
                        kernel(
                            tiles[t].Rows, depth, tiles[t].A + offsetA, (nint)Problem.StrideA, b,
                            sums0 + ((tiles[t].FirstRow - row0) * stride), (nint)stride, !first,
                            t < (widen ? 1 : 2) ? ahead + ((long)t * depth * 64) : null);
                        if (t > 0 && last && (finish || wait))
                        {
                            // One tile late: sums just stored are on their way to the cache and not to be had.
                            float* sums = sums0 + ((tiles[t - 1].FirstRow - row0) * stride);
                            Problem.Epilogue.Apply(sums, stride, y, columns, tiles[t - 1], column, width);
                        }
                    }

                    if (last && (finish || wait))
                    {
                        float* sums = sums0 + ((tiles[tileCount - 1].FirstRow - row0) * stride);
                        Problem.Epilogue.Apply(sums, stride, y, columns, tiles[tileCount - 1], column, width);
                    }
                }

                k += depth;
            }
            while (k < runDepth);
        }
    }

    private readonly byte* PanelAddress(long offset, int panel, long depth)
    {
        long element = offset + ((((long)panel * Problem.Depth) + depth) * GemmKernel.PanelColumns);
        return (byte*)Problem.Panels + (element * Problem.PanelType.ElementBytes());
    }
}
