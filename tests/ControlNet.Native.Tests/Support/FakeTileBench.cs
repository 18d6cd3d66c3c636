using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu.Tuning;

namespace ControlNet.Native.Tests.Support;

/// <summary>
/// A bench whose times are written down, and the clock they pass on. Every tile that has no time takes a hundred
/// milliseconds, as the usual one does.
/// </summary>
internal sealed class FakeTileBench : TimeProvider, ITileBench
{
    private readonly Dictionary<TileShape, Queue<double>> _times = [];
    private readonly Dictionary<(TileShape, DType), Func<string?>> _wrong = [];
    private double _nowMs;

    /// <summary>Runs that were timed.</summary>
    public List<(TuningCase Case, TileShape Tile)> Timed { get; } = [];

    /// <summary>Called before each timed run.</summary>
    public Action OnTime { get; set; } = () => { };

    public override long TimestampFrequency => 1000;

    public override long GetTimestamp() => (long)_nowMs;

    /// <summary>Times of a tile, one run after the other; the last is that of all later runs.</summary>
    public FakeTileBench Takes(TileShape tile, params double[] ms)
    {
        _times[tile] = new Queue<double>(ms);
        return this;
    }

    /// <summary>What a check of a tile finds, or throws.</summary>
    public FakeTileBench Finds(TileShape tile, Func<string?> wrong, DType storage = DType.F32)
    {
        _wrong[(tile, storage)] = wrong;
        return this;
    }

    public string? Check(TuningCase of, TileShape tile, DType storage) =>
        _wrong.TryGetValue((tile, storage), out Func<string?>? wrong) ? wrong() : null;

    public double Milliseconds(TuningCase of, TileShape tile)
    {
        OnTime();
        Timed.Add((of, tile));
        double ms = !_times.TryGetValue(tile, out Queue<double>? times) ? 100
            : times.Count > 1 ? times.Dequeue() : times.Peek();
        _nowMs += ms;
        return ms;
    }
}
