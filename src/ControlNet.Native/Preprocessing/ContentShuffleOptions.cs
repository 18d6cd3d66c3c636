namespace ControlNet.Native.Preprocessing;

/// <summary>How <see cref="ContentShuffle"/> warps.</summary>
public sealed record ContentShuffleOptions
{
    /// <summary>
    /// Pixels between the points that are moved at random, 8 to 4096; the smaller, the finer the swirls.
    /// </summary>
    public int GridSize { get; init; } = 256;

    /// <summary>Seed of the warp, 0 to 4,294,967,295; equal to <c>numpy.random.seed</c>.</summary>
    public long Seed { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="PreprocessingException">A value is out of its range.</exception>
    internal void Check()
    {
        OptionRange.Check($"{nameof(ContentShuffleOptions)}.{nameof(GridSize)}", GridSize, 8, 4096);
        OptionRange.Check($"{nameof(ContentShuffleOptions)}.{nameof(Seed)}", Seed, 0, uint.MaxValue);
    }
}
