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
    /// <summary>Sums of an item: 144 KiB, a small part of a usual second-level cache.</summary>
    private const int ItemSums = 36 * 1024;

    /// <summary>Items a worker should find, so that the last one to finish is not long alone.</summary>
    private const int ItemsPerWorker = 6;

    /// <summary>Tiles of inputs below which packing dy costs too much of an item.</summary>
    private const int FewestTiles = 4;

    /// <summary>Items that are enough to share, and blocks of pixels that are enough for a part of its own.</summary>
    private const int EnoughItems = 16, FewestBlocksOfSplit = 4;

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
        int tiles = CeilingOf(d.In, kernel.MaxRows);
        int blocks = d.Batch * CeilingOf(d.OutHeight * d.OutWidth, WeightGradientLoop.BlockPixels);
        int splits = SplitsOf(d.In, taps, panels, blocks);
        int tilesPerItem = Math.Clamp(
            ItemSums / (taps * GemmKernel.PanelColumns * kernel.MaxRows), Math.Min(FewestTiles, tiles), tiles);
        while (tilesPerItem > FewestTiles
            && (long)panels * splits * CeilingOf(tiles, tilesPerItem) < ItemsPerWorker * team.Threads)
        {
            tilesPerItem = Math.Max(FewestTiles, CeilingOf(tilesPerItem, 2));
        }

        WeightGradientLoop loop = new()
        {
            Team = team,
            Kernel = kernel,
            Dims = d,
            X = x,
            DY = dy,
            Tiles = tiles,
            TileBlocks = CeilingOf(tiles, tilesPerItem),
            Splits = splits,
            Sums = new WeightGradientSums
            {
                DWeight = dWeight,
                Out = d.Out,
                In = d.In,
                Taps = taps,
                Accumulate = accumulate,
            },
        };
        int items = checked(splits * loop.TileBlocks * panels);
        if (splits == 1)
        {
            team.For(items, ref loop);
            return;
        }

        long partialCount = checked((long)splits * panels * d.In * taps * GemmKernel.PanelColumns);
        using MemoryBlock partial = memory.Allocate(checked(partialCount * sizeof(float)));
        loop.Partial = (float*)partial.HostAddress;
        team.For(items, ref loop);
        WeightGradientJoinLoop join = new()
        {
            Team = team,
            Sums = loop.Sums,
            Partial = loop.Partial,
            Splits = splits,
            Panels = panels,
        };
        team.For(panels, ref join);
    }

    /// <summary>Parts of the pixels. Depends neither on the number of threads nor on the instruction set.</summary>
    private static int SplitsOf(int inputs, int taps, int panels, int blocks)
    {
        const int InputsOfItem = 56;
        long items = (long)panels * CeilingOf(inputs, InputsOfItem);
        return items >= EnoughItems
            ? 1
            : (int)Math.Clamp(blocks / FewestBlocksOfSplit, 1, (EnoughItems + items - 1) / items);
    }

    private static int CeilingOf(int count, int size) => (int)(((long)count + size - 1) / size);
}
