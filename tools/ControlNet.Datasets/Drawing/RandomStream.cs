using ControlNet.Native.Sampling;

namespace ControlNet.Datasets;

/// <summary>
/// The random numbers of one sample: a function of seed and index alone, so that any sample can be drawn by itself and
/// in any order. Philox4x32-10 under the key <c>seed</c>, with the index as subsequence.
/// </summary>
/// <param name="seed">Of the whole set.</param>
/// <param name="index">Of the sample in the set.</param>
/// <param name="purpose">Numbers drawn for another purpose are others; from 0.</param>
internal sealed class RandomStream(long seed, long index, byte purpose)
{
    private ulong _counter = (ulong)purpose << 56;

    /// <summary>A whole number from 0 to <paramref name="limit"/> - 1; the bias is below limit / 2^32.</summary>
    public int Below(int limit) => (int)((ulong)Next() * (ulong)limit >> 32);

    /// <summary>A number from <paramref name="low"/> up to <paramref name="high"/>, evenly.</summary>
    public double Between(double low, double high) => low + (high - low) * (Next() / 4294967296.0);

    /// <summary>Puts a list into random order.</summary>
    public void Shuffle<T>(T[] items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private uint Next() => Philox4x32.Words((ulong)seed, _counter++, (ulong)index).X;
}
