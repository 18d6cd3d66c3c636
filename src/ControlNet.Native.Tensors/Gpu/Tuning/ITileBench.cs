namespace ControlNet.Native.Tensors.Gpu.Tuning;

/// <summary>What <see cref="TileTuner"/> measures with.</summary>
internal interface ITileBench
{
    /// <summary>Whether a tile gives the bits of the usual one.</summary>
    /// <returns>What is wrong, in words; null for nothing.</returns>
    /// <exception cref="EngineException">It does not build or does not run.</exception>
    string? Check(TuningCase of, TileShape tile, DType storage);

    /// <summary>The time of one product of a tile that was checked, in milliseconds.</summary>
    /// <exception cref="EngineException">It does not run.</exception>
    double Milliseconds(TuningCase of, TileShape tile);
}
