using System;
using ControlNet.Native.Sampling;

namespace ControlNet.Native.Training;

/// <summary>
/// The random numbers of a training run. Each is a function of seed, use and index alone (the index of the sample or
/// step it is for), so the whole state is the seed and the position: a resumed run needs nothing else, and neither
/// batch size nor threads nor what was drawn before can change a number.
/// </summary>
/// <remarks>
/// Philox4x32-10 with the seed as key. Its counter of 128 bits is, from the low word up: the number of the block of
/// four words within a draw, the use, the index (64 bits). Whole numbers and choices are the same on every machine;
/// normal numbers use the logarithm and sine of the platform, which may differ in the last bit between systems.
/// </remarks>
/// <param name="seed">All 64 bits matter.</param>
public sealed class TrainingRandom(ulong seed)
{
    private const double TwoToMinus32 = 1.0 / (1L << 32);
    private const double TwoToMinus53 = 1.0 / (1L << 53);

    /// <summary>The seed; with the position it is all there is to save.</summary>
    public ulong Seed => seed;

    /// <summary>Draws from the standard normal distribution (Box and Muller, 1958, in double precision).</summary>
    /// <param name="use">What for.</param>
    /// <param name="index">Which sample or step, from 0.</param>
    /// <param name="destination">Receives the numbers; a shorter draw is the start of a longer one.</param>
    public void FillNormal(RandomUse use, long index, Span<float> destination)
    {
        for (int i = 0; i < destination.Length; i += 4)
        {
            PhiloxWords words = Words(use, index, (uint)(i / 4));
            Span<float> four = destination.Slice(i, Math.Min(4, destination.Length - i));
            WritePair(words.X, words.Y, four);
            if (four.Length > 2)
            {
                WritePair(words.Z, words.W, four[2..]);
            }
        }
    }

    /// <summary>Draws a whole number, each equally likely to within 2^-32.</summary>
    /// <param name="use">What for.</param>
    /// <param name="index">Which sample or step, from 0.</param>
    /// <param name="count">One above the largest result; from 1.</param>
    /// <returns>From 0 to <paramref name="count"/> - 1.</returns>
    public int Below(RandomUse use, long index, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return (int)Math.BigMul(Bits(use, index), (ulong)count, out _);
    }

    /// <summary>Draws a number from the uniform distribution.</summary>
    /// <param name="use">What for.</param>
    /// <param name="index">Which sample or step, from 0.</param>
    /// <returns>From 0 to just below 1, in steps of 2^-53.</returns>
    public double Uniform(RandomUse use, long index) => (Bits(use, index) >> 11) * TwoToMinus53;

    /// <summary>Draws a choice.</summary>
    /// <param name="use">What for.</param>
    /// <param name="index">Which sample or step, from 0.</param>
    /// <param name="probability">Of true, from 0 (never) to 1 (always).</param>
    public bool Bernoulli(RandomUse use, long index, double probability)
    {
        if (probability is not (>= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(probability), probability, "a probability is from 0 to 1");
        }

        return Uniform(use, index) < probability;
    }

    /// <summary>Puts numbers in a random order (Fisher and Yates): all orders are equally likely.</summary>
    /// <param name="use">What for.</param>
    /// <param name="index">Which order, for example the epoch, from 0.</param>
    /// <param name="count">How many.</param>
    /// <returns>0 to <paramref name="count"/> - 1, each once.</returns>
    public int[] Permutation(RandomUse use, long index, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        int[] order = new int[count];
        for (int i = 0; i < count; i++)
        {
            PhiloxWords words = Words(use, index, (uint)i);
            int other = (int)Math.BigMul(((ulong)words.X << 32) | words.Y, (ulong)i + 1, out _);
            order[i] = order[other];
            order[other] = i;
        }

        return order;
    }

    private static void WritePair(uint x, uint y, Span<float> destination)
    {
        // Half a step keeps the logarithm away from 0; the largest result is 6.76.
        double radius = Math.Sqrt(-2 * Math.Log((x + 0.5) * TwoToMinus32));
        (double sine, double cosine) = Math.SinCos(2 * Math.PI * (y * TwoToMinus32));
        destination[0] = (float)(radius * cosine);
        if (destination.Length > 1)
        {
            destination[1] = (float)(radius * sine);
        }
    }

    private ulong Bits(RandomUse use, long index)
    {
        PhiloxWords words = Words(use, index, 0);
        return ((ulong)words.X << 32) | words.Y;
    }

    private PhiloxWords Words(RandomUse use, long index, uint block)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return Philox4x32.Words(seed, ((ulong)use << 32) | block, (ulong)index);
    }
}
