using System;
using ControlNet.Native.Sampling;

namespace ControlNet.Native.Training;

/// <summary>
/// In which order training sees the samples of a set: every one once an epoch, in an order of its own each epoch. The
/// sample at a position is computed by itself, from the seed, so a run that resumes needs its position and nothing
/// else.
/// </summary>
/// <remarks>
/// A Feistel network of Philox4x32-10 over the least power of four that holds the set, followed until it lands within
/// (cycle walking): Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002.
/// </remarks>
public sealed class SampleOrder
{
    /// <summary>Four make a permutation pseudo-random (Luby and Rackoff); more even out very small sets.</summary>
    private const int Rounds = 10;

    private readonly long _seed;
    private readonly int _halfBits;

    /// <summary>Creates an order.</summary>
    /// <param name="count">Samples of the set, from 1.</param>
    /// <param name="seed">Another seed gives other orders.</param>
    public SampleOrder(int count, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Count = count;
        _seed = seed;
        _halfBits = 1;
        while (1L << 2 * _halfBits < count)
        {
            _halfBits++;
        }
    }

    /// <summary>Samples of an epoch.</summary>
    public int Count { get; }

    /// <summary>The sample seen at a position.</summary>
    /// <param name="position">Samples seen before it since training began, from 0.</param>
    /// <returns>0 to <see cref="Count"/> - 1.</returns>
    public int At(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        (long epoch, long place) = Math.DivRem(position, Count);
        uint value = (uint)place;
        do
        {
            value = Permute(value, (ulong)epoch);
        }
        while (value >= (uint)Count);
        return (int)value;
    }

    private uint Permute(uint value, ulong epoch)
    {
        uint mask = (1u << _halfBits) - 1, left = value >> _halfBits, right = value & mask;
        for (uint round = 0; round < Rounds; round++)
        {
            uint mixed = Philox4x32.Words((ulong)_seed, epoch, (ulong)round << 32 | right).X & mask;
            (left, right) = (right, left ^ mixed);
        }

        return left << _halfBits | right;
    }
}
