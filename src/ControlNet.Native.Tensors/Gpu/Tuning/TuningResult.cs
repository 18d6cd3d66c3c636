using System.Collections.Generic;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tensors.Gpu.Tuning;

namespace ControlNet.Native.Tensors;

/// <summary>Which tile a device makes a kind of product of, and what was measured.</summary>
public sealed record TuningResult
{
    internal TuningResult(
        string operation, double usualMs, double bestMs, TileLevel level, TileShape chosen,
        IReadOnlyList<string> modules)
    {
        Operation = operation;
        UsualMs = usualMs;
        BestMs = bestMs;
        Level = level;
        Chosen = chosen;
        Modules = modules;
    }

    /// <summary>The operation and its size, in words.</summary>
    public string Operation { get; }

    /// <summary>Time of one with the usual tile, in milliseconds.</summary>
    public double UsualMs { get; }

    /// <summary>Time of one with the tile that was chosen, in milliseconds; that may be the usual one.</summary>
    public double BestMs { get; }

    /// <summary>The tile in words: rows and columns of results, threads, steps of a sum at once.</summary>
    public string Tile => Chosen.ToString();

    /// <summary>Whether the usual tile stays.</summary>
    public bool IsUsual => Chosen == TileShape.Usual;

    /// <summary>The products it stands for.</summary>
    internal TileLevel Level { get; }

    internal TileShape Chosen { get; }

    /// <summary>The modules of the usual tile for which the chosen one was found to give the same bits.</summary>
    internal IReadOnlyList<string> Modules { get; }
}
