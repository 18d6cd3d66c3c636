using System;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// Cuts a product into blocks that fit the caches and shares them out. An item is about 112 rows times a few panels;
/// inside it k is walked in blocks, so that a block of a panel stays in the first-level cache for all its row tiles.
/// </summary>
/// <remarks>
/// k is never split between workers and its blocks do not depend on their number: every sum is formed in one order.
/// Source of the scheme: Goto and van de Geijn, 2008, "Anatomy of high-performance matrix multiplication", with rows
/// read in place: broadcasting them from their tensor costs what broadcasting them from a packed copy does.
/// </remarks>
internal static unsafe class GemmDriver
{
    /// <summary>Longest block of k: 384 rows of a panel are 48 KiB.</summary>
    private const int MaxBlockDepth = 384;

    /// <summary>Rows of an item; 112 rows of 384 floats are 168 KiB, a sixth of a usual second-level cache.</summary>
    private const int ItemRows = 112;

    /// <summary>With 16-bit weights, where every item widens its panels again, more rows share that work.</summary>
    private const int ItemRowsOfWidenedPanels = 224;

    /// <summary>
    /// Panels of an item. Sums that are revisited for many stretches of k had better stay in the first-level cache.
    /// </summary>
    private const int ItemPanels = 5, ItemPanelsOfManyRuns = 2;

    /// <summary>
    /// From here on row blocks lie next to each other in the order of items; below, each worker streams its own
    /// weights.
    /// </summary>
    private const int ManyRows = 1024;

    /// <summary>Items a worker should find, so that the last one to finish is not long alone.</summary>
    private const int ItemsPerWorker = 6;

    /// <summary>Computes <paramref name="problem"/> with the micro-kernel best for this processor.</summary>
    public static void Run(WorkerTeam team, in GemmProblem problem)
    {
        if (problem.Rows == 0 || problem.Columns == 0 || problem.Batch0 == 0 || problem.Batch1 == 0)
        {
            return;
        }

        GemmLoop loop = Plan(team, problem, GemmKernel.Best);
        int items = checked(loop.RowBlocks * loop.ColumnBlocks * problem.Batch0 * problem.Batch1);
        team.For(items, ref loop);
    }

    private static GemmLoop Plan(WorkerTeam team, in GemmProblem p, GemmKernel kernel)
    {
        int tilesPerLine = CeilingOf(p.LineRows, kernel.MaxRows);
        int tiles = checked(tilesPerLine * p.ImageLines * p.Images);
        int itemRows = p.PanelType != DType.F32 && p.Rows >= ManyRows ? ItemRowsOfWidenedPanels : ItemRows;
        int tilesPerItem = Math.Clamp(itemRows / CeilingOf(p.LineRows, tilesPerLine), 1, GemmLoop.MaxTilesPerItem);
        int panelsPerItem = Math.Min(p.PanelCount, p.Runs > 1 ? ItemPanelsOfManyRuns : ItemPanels);

        long wanted = team.Threads == 1 ? 1 : ItemsPerWorker * (long)team.Threads / ((long)p.Batch0 * p.Batch1);
        while (panelsPerItem > 1
            && (long)CeilingOf(tiles, tilesPerItem) * CeilingOf(p.PanelCount, panelsPerItem) < wanted)
        {
            panelsPerItem--;
        }

        while (tilesPerItem > 1
            && (long)CeilingOf(tiles, tilesPerItem) * CeilingOf(p.PanelCount, panelsPerItem) < wanted)
        {
            tilesPerItem = CeilingOf(tilesPerItem, 2);
        }

        int depthBlocks = Math.Max(1, CeilingOf(p.RunDepth, MaxBlockDepth));
        return new GemmLoop
        {
            Problem = p,
            Team = team,
            Kernel = kernel,
            TilesPerLine = tilesPerLine,
            Tiles = tiles,
            RowBlocks = CeilingOf(tiles, tilesPerItem),
            ColumnBlocks = CeilingOf(p.PanelCount, panelsPerItem),
            BlockDepth = CeilingOf(p.RunDepth, depthBlocks),
            RowsOuter = p.Rows >= ManyRows,
            YIsSource = p.Epilogue.AddTensor != null && Overlaps(p),
        };
    }

    private static bool Overlaps(in GemmProblem p)
    {
        long count = p.Rows * p.Columns;
        return p.Epilogue.AddTensor < p.Y + count && p.Y < p.Epilogue.AddTensor + count;
    }

    private static int CeilingOf(int count, int size) => (int)(((long)count + size - 1) / size);
}
