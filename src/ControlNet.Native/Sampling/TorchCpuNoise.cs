using System;

namespace ControlNet.Native.Sampling;

/// <summary>
/// The numbers of torch's CPU generator: <c>torch.Generator("cpu").manual_seed(seed)</c>, which Diffusers examples
/// and most front ends use by default.
/// </summary>
/// <remarks>
/// Integers and uniform numbers equal torch's bit for bit. Normal numbers are computed in double and differ from
/// torch's vectorised float32 by at most about 1e-6 (calls of 16 and more elements) or one unit in the last place.
/// Source: ATen's <c>CPUGeneratorImpl.cpp</c>, <c>DistributionTemplates.h</c> and <c>DistributionsHelper.h</c>.
/// </remarks>
public sealed class TorchCpuNoise : INoiseSource
{
    // torch transforms 16 uniform numbers at a time: the first 8 give radii, the last 8 angles.
    private const int Block = 16;

    private readonly Mt19937 _bits;
    private double? _cachedNormal;

    /// <summary>Seeds as <c>manual_seed</c> does.</summary>
    /// <param name="seed">
    /// Only the low 32 bits matter, as in torch. A negative seed of Python's is <c>unchecked((ulong)seed)</c>.
    /// </param>
    public TorchCpuNoise(ulong seed)
    {
        _bits = new Mt19937(unchecked((uint)seed));
    }

    /// <summary><c>torch.randn(n)</c>.</summary>
    /// <param name="destination">
    /// Overwritten. Fewer than 16 elements take another path than 16 and more, as in torch, and half of a pair may
    /// wait for the next short call.
    /// </param>
    public void FillNormal(Span<float> destination)
    {
        if (destination.Length < Block)
        {
            for (int i = 0; i < destination.Length; i++)
            {
                destination[i] = (float)NextNormal();
            }

            return;
        }

        FillUniform(destination);
        for (int at = 0; at + Block <= destination.Length; at += Block)
        {
            Transform(destination.Slice(at, Block));
        }

        if (destination.Length % Block != 0)
        {
            // torch draws the last 16 anew and so overwrites part of the block before them.
            FillUniform(destination[^Block..]);
            Transform(destination[^Block..]);
        }
    }

    /// <summary><c>torch.randn(n, dtype=torch.float64)</c>.</summary>
    /// <param name="destination">Overwritten; see <see cref="FillNormal(Span{float})"/>.</param>
    public void FillNormal(Span<double> destination)
    {
        if (destination.Length < Block)
        {
            for (int i = 0; i < destination.Length; i++)
            {
                destination[i] = NextNormal();
            }

            return;
        }

        FillUniform(destination);
        for (int at = 0; at + Block <= destination.Length; at += Block)
        {
            Transform(destination.Slice(at, Block));
        }

        if (destination.Length % Block != 0)
        {
            FillUniform(destination[^Block..]);
            Transform(destination[^Block..]);
        }
    }

    /// <summary><c>torch.rand(n)</c>: multiples of 2^-24 in [0, 1).</summary>
    /// <param name="destination">Overwritten.</param>
    public void FillUniform(Span<float> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = (_bits.NextUInt32() & 0xFFFFFF) * (1f / (1 << 24));
        }
    }

    /// <summary><c>torch.rand(n, dtype=torch.float64)</c>: multiples of 2^-53 in [0, 1).</summary>
    /// <param name="destination">Overwritten.</param>
    public void FillUniform(Span<double> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = NextUniform();
        }
    }

    /// <summary><c>torch.randint(low, high, (n,))</c>; training draws its timesteps so.</summary>
    /// <param name="destination">Overwritten with integers of [low, high).</param>
    /// <param name="low">Smallest value.</param>
    /// <param name="high">One above the largest value.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="high"/> is not above <paramref name="low"/>.
    /// </exception>
    public void FillIntegers(Span<long> destination, long low, long high)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(high, low);
        ulong range = unchecked((ulong)high - (ulong)low);
        for (int i = 0; i < destination.Length; i++)
        {
            ulong draw = range > uint.MaxValue ? _bits.NextUInt64() : _bits.NextUInt32();
            destination[i] = unchecked((long)((ulong)low + draw % range));
        }
    }

    /// <summary><c>torch.randperm(n)</c>; a data loader shuffles so.</summary>
    /// <param name="count">At least 0.</param>
    /// <returns>The integers of [0, count) in random order.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public int[] Permutation(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        int[] order = new int[count];
        for (int i = 0; i < count; i++)
        {
            order[i] = i;
        }

        for (int i = 0; i < count - 1; i++)
        {
            int other = i + (int)(_bits.NextUInt32() % (uint)(count - i));
            (order[i], order[other]) = (order[other], order[i]);
        }

        return order;
    }

    private double NextUniform() => (_bits.NextUInt64() & ((1UL << 53) - 1)) * (1.0 / (1L << 53));

    private double NextNormal()
    {
        if (_cachedNormal is double cached)
        {
            _cachedNormal = null;
            return cached;
        }

        double turn = NextUniform(), u = NextUniform();
        double radius = Math.Sqrt(-2 * Math.Log(1 - u)), angle = 2 * Math.PI * turn;
        _cachedNormal = radius * Math.Sin(angle);
        return radius * Math.Cos(angle);
    }

    private static void Transform(Span<float> block)
    {
        for (int i = 0; i < Block / 2; i++)
        {
            (double cosine, double sine) = BoxMuller(1 - (double)block[i], block[i + Block / 2]);
            (block[i], block[i + Block / 2]) = ((float)cosine, (float)sine);
        }
    }

    private static void Transform(Span<double> block)
    {
        for (int i = 0; i < Block / 2; i++)
        {
            (block[i], block[i + Block / 2]) = BoxMuller(1 - block[i], block[i + Block / 2]);
        }
    }

    /// <summary>Two normal numbers of two uniform ones, u in (0, 1].</summary>
    private static (double Cosine, double Sine) BoxMuller(double u, double turn)
    {
        double radius = Math.Sqrt(-2 * Math.Log(u)), angle = 2 * Math.PI * turn;
        return (radius * Math.Cos(angle), radius * Math.Sin(angle));
    }
}
