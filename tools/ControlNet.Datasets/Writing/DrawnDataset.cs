using System;
using System.Collections.Generic;
using ControlNet.Native.Imaging;

namespace ControlNet.Datasets;

/// <summary>One drawn example.</summary>
/// <param name="Target">What a model shall learn to make.</param>
/// <param name="Hints">In the order of <see cref="DrawnDataset.Hints"/>.</param>
/// <param name="Prompt">What it shows.</param>
public sealed record DrawnSample(RgbImage Target, IReadOnlyList<RgbImage> Hints, string Prompt);

/// <summary>
/// A set without end, each sample a function of seed and index: any can be drawn by itself, on any thread, and has the
/// same bytes on every machine.
/// </summary>
public abstract class DrawnDataset
{
    /// <summary>Smallest picture, in pixels of an edge: below it a shape is a blur.</summary>
    public const int LeastSize = 16;

    /// <summary>Largest picture, in pixels of an edge.</summary>
    public const int LargestSize = 4096;

    /// <summary>Keeps the two values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Seed or size is out of its range.</exception>
    protected DrawnDataset(long seed, int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seed);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, LeastSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, LargestSize);
        Seed = seed;
        Size = size;
    }

    /// <summary>What every sample depends on besides its index; from 0.</summary>
    public long Seed { get; }

    /// <summary>Pixels of an edge.</summary>
    public int Size { get; }

    /// <summary>The folders of the hints; the first one's is the <c>source</c> of a line.</summary>
    public abstract IReadOnlyList<string> Hints { get; }

    /// <summary>Whether lines also list the hints by name, under <c>hints</c>.</summary>
    public abstract bool NamesHints { get; }

    /// <summary>Draws one sample. May be called from several threads at once.</summary>
    /// <param name="index">From 0; there is no last one.</param>
    public abstract DrawnSample Draw(long index);
}
