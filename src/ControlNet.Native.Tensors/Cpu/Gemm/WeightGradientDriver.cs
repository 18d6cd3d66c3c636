using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// Shares out the weight gradient of a convolution or, as a convolution with a kernel of one pixel, of a linear layer.
/// </summary>
/// <remarks>
/// Items are outputs times inputs. Where there are too few of them to share, the pixels are cut as well; into how many
/// parts depends on the shape alone, and the parts are joined in their order, so the result does not depend on the
/// number of threads.
/// </remarks>
internal static unsafe class WeightGradientDriver
{
    /// <summary>Sums of a panel of an item with several taps: 144 KiB of the second-level cache.</summary>
    private const int PanelSums = 36 * 1024;

    /// <summary>
    /// Panels and inputs of an item with one tap: x comes from far once for all panels. With blocks of 256 pixels, x,
    /// dy and the sums are 320, 160 and 200 KiB.
    /// </summary>
    private const int ItemPanels = 5, ItemInputs = 320;

    /// <summary>
    /// Items a worker should find, so that the last one to finish is not long alone. With one tap smaller items lose
    /// more than that.
    /// </summary>
    private const int ItemsPerWorker = 5, ItemsPerWorkerOfOneTap = 2;

    /// <summary>Tiles of inputs below which packing dy costs too much of an item.</summary>
    private const int FewestTiles = 4;

    /// <summary>
    /// Pixels are cut where there are not so many items of so many inputs, into parts of at least so many blocks.
    /// </summary>
    private const int EnoughItems = 16, SmallItemInputs = 56, FewestBlocksOfSplit = 4;

    /// <summary>dWeight (+)= the sum over the pixels of x and dy.</summary>
    public static void Run(
        WorkerTeam team, CpuMemory memory, in Conv2dDims d, float* x, float* dy, bool accumulate, float* dWeight)
    {
        int taps = d.Kernel * d.Kernel, panels = CeilingOf(d.Out, GemmKernel.PanelColumns);
        if (panels == 0 || d.In == 0)
        {
            return;
        }

        GemmKernel kernel = GemmKernel.Best;
        WeightGradientLoop loop = new()
        {
            Team = team,
            Kernel = kernel,
            Dims = d,
            X = x,
            DY = dy,
            Tiles = CeilingOf(d.In, kernel.MaxRows),
            Splits = SplitsOf(d, panels),
            Sums = new WeightGradientSums
            {
                DWeight = dWeight,
                Out = d.Out,
                In = d.In,
                Taps = taps,
                Accumulate = accumulate,
            },
        };
        Share(ref loop, taps, panels, (taps == 1 ? ItemsPerWorkerOfOneTap : ItemsPerWorker) * (long)team.Threads);
        int items = checked(loop.Splits * loop.TileBlocks * loop.PanelBlocks);
        if (loop.Splits == 1)
        {
            team.For(items, ref loop);
            return;
        }

        using MemoryBlock partial = memory.Allocate(PartialBytes(d));
        loop.Partial = (float*)partial.HostAddress;
        team.For(items, ref loop);
        WeightGradientJoinLoop join = new()
        {
            Team = team,
            Sums = loop.Sums,
            Partial = loop.Partial,
            Splits = loop.Splits,
            Panels = panels,
        };
        team.For(panels, ref join);
    }

    /// <summary>Bytes of the partial sums a call keeps; 0 where the pixels are not cut.</summary>
    public static long PartialBytes(in Conv2dDims d)
    {
        int taps = d.Kernel * d.Kernel, panels = CeilingOf(d.Out, GemmKernel.PanelColumns);
        int splits = panels == 0 || d.In == 0 ? 1 : SplitsOf(d, panels);
        return splits == 1
            ? 0
            : checked((long)splits * panels * d.In * taps * GemmKernel.PanelColumns * sizeof(float));
    }

    /// <summary>Items as large as the cache allows, then smaller ones until there are as many as wanted.</summary>
    private static void Share(ref WeightGradientLoop loop, int taps, int panels, long wanted)
    {
        int tiles = loop.Tiles, maxRows = loop.Kernel.MaxRows, fewest = Math.Min(FewestTiles, tiles);
        int inputs = taps == 1 ? ItemInputs : PanelSums / (taps * GemmKernel.PanelColumns);
        loop.TileBlocks = CeilingOf(tiles, Math.Clamp(inputs / maxRows, fewest, tiles));
        loop.PanelBlocks = CeilingOf(panels, taps == 1 && loop.Splits == 1 ? ItemPanels : 1);
        while ((long)loop.TileBlocks * loop.PanelBlocks * loop.Splits < wanted)
        {
            // Halve what is longer.
            int itemTiles = CeilingOf(tiles, loop.TileBlocks), itemPanels = CeilingOf(panels, loop.PanelBlocks);
            if (itemPanels > 1 && itemPanels * GemmKernel.PanelColumns >= itemTiles * maxRows)
            {
                loop.PanelBlocks = CeilingOf(panels, itemPanels / 2);
            }
            else if (itemTiles > fewest)
            {
                loop.TileBlocks = CeilingOf(tiles, Math.Max(fewest, itemTiles / 2));
            }
            else if (itemPanels > 1)
            {
                loop.PanelBlocks = CeilingOf(panels, itemPanels / 2);
            }
            else
            {
                return;
            }
        }
    }

    /// <summary>Parts of the pixels. Depends neither on the number of threads nor on the instruction set.</summary>
    private static int SplitsOf(in Conv2dDims d, int panels)
    {
        int blocks = d.Batch * CeilingOf(d.OutHeight * d.OutWidth, WeightGradientLoop.BlockPixels);
        long items = (long)panels * CeilingOf(d.In, SmallItemInputs);
        return items >= EnoughItems
            ? 1
            : (int)Math.Clamp(blocks / FewestBlocksOfSplit, 1, (EnoughItems + items - 1) / items);
    }

    private static int CeilingOf(int count, int size) => (int)(((long)count + size - 1) / size);
}
