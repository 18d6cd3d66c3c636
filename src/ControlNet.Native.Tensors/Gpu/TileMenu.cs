using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>A tile of a kernel for tensor cores.</summary>
/// <param name="Rows">Its rows.</param>
/// <param name="Columns">Its columns.</param>
/// <param name="Rate">Results in a unit of time, relative to the largest tile.</param>
internal readonly record struct TileOption(int Rows, int Columns, double Rate)
{
    /// <summary>Blocks that cover results of that size.</summary>
    public long Blocks(int rows, int columns, long results) =>
        GpuGrid.Parts(rows, Rows) * GpuGrid.Parts(columns, Columns) * results;
}

/// <summary>The tiles a kernel for tensor cores comes in.</summary>
/// <remarks>
/// Every tile adds up in the same order, so the choice, which depends on the device and on the batch, changes no bit.
/// </remarks>
/// <param name="resident">Blocks that a multiprocessor works on in a round.</param>
/// <param name="options">The tiles.</param>
internal sealed class TileMenu(int resident, params TileOption[] options)
{
    /// <summary>A kernel in every tile, for <see cref="Choose"/>.</summary>
    public KernelVariant[] Variants(Func<TileOption, KernelVariant> variant) =>
        Array.ConvertAll(options, tile => variant(tile));

    /// <summary>The tile that is through first: by the rounds in which a device works off the blocks.</summary>
    /// <param name="variants">The kernel in every tile.</param>
    /// <param name="rows">Rows of a result.</param>
    /// <param name="columns">Columns of a result.</param>
    /// <param name="results">Members of a batch times parts of a sum.</param>
    /// <param name="units">Multiprocessors of the device.</param>
    public KernelLaunch Choose(KernelVariant[] variants, int rows, int columns, long results, int units)
    {
        int best = 0;
        double least = double.PositiveInfinity;
        for (int i = 0; i < options.Length; i++)
        {
            TileOption tile = options[i];
            double rounds = Math.Ceiling(
                tile.Blocks(rows, columns, results) / (double)(resident * Math.Max(1, units)));
            double time = rounds * tile.Rows * tile.Columns / tile.Rate;
            if (time < least)
            {
                (best, least) = (i, time);
            }
        }

        long blocks = options[best].Blocks(rows, columns, results);
        return new KernelLaunch(variants[best], new GridSize(checked((int)blocks)), options[best]);
    }
}
