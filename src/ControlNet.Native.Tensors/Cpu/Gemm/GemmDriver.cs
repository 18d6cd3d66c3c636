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
    private const int ItemPanels = 10, ItemPanelsOfManyRuns = 2;

    /// <summary>
    /// From here on row blocks lie next to each other in the order of items; below, each worker streams its own
    /// weights.
    /// </summary>
    private const int ManyRows = 1024;

    /// <summary>
    /// What else an item costs, in units of one tile times one panel: bringing in the rows of each tile, each panel,
    /// widening a panel from 16 bits, and starting the item.
    /// </summary>
    private const double TileCost = 0.25, PanelCost = 0.25, WidenCost = 0.2, ItemCost = 0.1;

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
        int tileRows = CeilingOf(p.LineRows, tilesPerLine);
        (int rowBlocks, int columnBlocks) = Cut(team.Threads, p, tiles, tileRows);
        int depthBlocks = Math.Max(1, CeilingOf(p.RunDepth, MaxBlockDepth));
        return new GemmLoop
        {
            Problem = p,
            Team = team,
            Kernel = kernel,
            TilesPerLine = tilesPerLine,
            Tiles = tiles,
            RowBlocks = rowBlocks,
            ColumnBlocks = columnBlocks,
            BlockDepth = CeilingOf(p.RunDepth, depthBlocks),
            RowsOuter = p.Rows >= ManyRows,
            SumsWait = (p.Epilogue.AddTensor != null && Overlaps(p)) || IsTrap(p.Columns, tileRows),
            CopyRows = !p.TransposeA && IsTrap(p.StrideA, tileRows),
        };
    }

    /// <summary>
    /// The cut into items that should be done first: large items read their operands less often, many small ones share
    /// out evenly. Sums do not depend on it.
    /// </summary>
    private static (int RowBlocks, int ColumnBlocks) Cut(int threads, in GemmProblem p, int tiles, int tileRows)
    {
        bool widen = p.PanelType != DType.F32;
        int mostTiles = Math.Clamp(
            (widen ? ItemRowsOfWidenedPanels : ItemRows) / tileRows, 1, Math.Min(tiles, GemmLoop.MaxTilesPerItem));
        int mostPanels = Math.Min(p.PanelCount, p.Runs > 1 ? ItemPanelsOfManyRuns : ItemPanels);
        double panelCost = PanelCost + (widen ? WidenCost : 0), least = double.PositiveInfinity;
        (int, int) best = (tiles, p.PanelCount);
        for (int tilesPerItem = mostTiles; tilesPerItem > 0; tilesPerItem--)
        {
            for (int panelsPerItem = mostPanels; panelsPerItem > 0; panelsPerItem--)
            {
                int rowBlocks = CeilingOf(tiles, tilesPerItem), columnBlocks = CeilingOf(p.PanelCount, panelsPerItem);
                int t = CeilingOf(tiles, rowBlocks), n = CeilingOf(p.PanelCount, columnBlocks);
                double item = (t * n) + (t * TileCost) + (n * panelCost) + ItemCost;
                double turns = Math.Ceiling((double)rowBlocks * columnBlocks * p.Batch0 * p.Batch1 / threads);

                // A worker that is held up keeps the others waiting for part of an item.
                double cost = (turns + (threads > 1 ? 0.25 : 0)) * item;
                if (cost < least)
                {
                    (least, best) = (cost, (rowBlocks, columnBlocks));
                }
            }
        }

        return best;
    }

    /// <summary>
    /// Rows a multiple of 4 KiB apart lie in one set of the first-level cache, which has 8 or 12 lines.
    /// </summary>
    private static bool IsTrap(long stride, int tileRows) => stride % 1024 == 0 && tileRows > 8;

    private static bool Overlaps(in GemmProblem p)
    {
        long count = p.Rows * p.Columns;
        return p.Epilogue.AddTensor < p.Y + count && p.Y < p.Epilogue.AddTensor + count;
    }

    private static int CeilingOf(int count, int size) => (int)(((long)count + size - 1) / size);
}
