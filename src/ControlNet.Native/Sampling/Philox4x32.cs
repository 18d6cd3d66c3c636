namespace ControlNet.Native.Sampling;

/// <summary>Four words of one counter.</summary>
/// <param name="X">First word.</param>
/// <param name="Y">Second word.</param>
/// <param name="Z">Third word.</param>
/// <param name="W">Fourth word.</param>
public readonly record struct PhiloxWords(uint X, uint Y, uint Z, uint W);

/// <summary>
/// Philox4x32-10, a counter-based generator: any part of the stream is computed by itself. Source: Salmon et al.,
/// 2011, doi:10.1145/2063384.2063405; laid out as in cuRAND and torch's <c>PhiloxRNGEngine.h</c>.
/// </summary>
public static class Philox4x32
{
    private const int Rounds = 10;

    /// <summary>The four words at one place of the stream.</summary>
    /// <param name="seed">The key.</param>
    /// <param name="offset">Low half of the counter; cuRAND's offset divided by 4.</param>
    /// <param name="subsequence">High half of the counter; torch numbers the threads of a launch with it.</param>
    public static PhiloxWords Words(ulong seed, ulong offset, ulong subsequence)
    {
        unchecked
        {
            uint c0 = (uint)offset, c1 = (uint)(offset >> 32);
            uint c2 = (uint)subsequence, c3 = (uint)(subsequence >> 32);
            uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
            for (int round = 0; round < Rounds; round++)
            {
                ulong p0 = (ulong)c0 * 0xD2511F53, p1 = (ulong)c2 * 0xCD9E8D57;
                (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);

                // Weyl constants: the golden ratio and sqrt(3) - 1.
                k0 += 0x9E3779B9;
                k1 += 0xBB67AE85;
            }

            return new PhiloxWords(c0, c1, c2, c3);
        }
    }
}
