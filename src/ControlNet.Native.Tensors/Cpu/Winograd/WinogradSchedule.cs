namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>The order in which a convolution is worked off. Every order gives the same bits.</summary>
internal enum WinogradSchedule
{
    /// <summary>
    /// In rounds of tiles: all inputs of a round, then panel by panel of the outputs, whose weights are transformed for
    /// each of them.
    /// </summary>
    ByPanel,

    /// <summary>A few tiles at a time from input to result, with a weight transformed as a whole.</summary>
    ByTile,
}
