namespace ControlNet.Native.Sampling;

/// <summary>
/// The Mersenne Twister, period 2^19937 - 1. Source: Matsumoto and Nishimura, 1998, doi:10.1145/272991.272995, with
/// the seeding of 2002, as in torch's <c>MT19937RNGEngine.h</c>.
/// </summary>
public sealed class Mt19937
{
    private const int StateWords = 624;
    private const int Shift = 397;

    private readonly uint[] _state = new uint[StateWords];
    private int _next = StateWords;

    /// <summary>Seeds the generator.</summary>
    /// <param name="seed">Any value. <c>torch.manual_seed</c> passes the low 32 bits of its seed.</param>
    public Mt19937(uint seed)
    {
        _state[0] = seed;
        for (int i = 1; i < StateWords; i++)
        {
            _state[i] = unchecked(1812433253u * (_state[i - 1] ^ (_state[i - 1] >> 30)) + (uint)i);
        }
    }

    /// <summary>The next 32 bits.</summary>
    public uint NextUInt32()
    {
        if (_next == StateWords)
        {
            Twist();
        }

        uint y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C5680;
        y ^= (y << 15) & 0xEFC60000;
        return y ^ (y >> 18);
    }

    /// <summary>The next 64 bits; the first draw is the high half, as in torch.</summary>
    public ulong NextUInt64()
    {
        ulong high = NextUInt32();
        return (high << 32) | NextUInt32();
    }

    private void Twist()
    {
        for (int i = 0; i < StateWords; i++)
        {
            uint mixed = (_state[i] & 0x80000000) | (_state[(i + 1) % StateWords] & 0x7FFFFFFF);
            _state[i] = _state[(i + Shift) % StateWords] ^ (mixed >> 1) ^ ((mixed & 1) == 0 ? 0 : 0x9908B0DF);
        }

        _next = 0;
    }
}
