using System;

namespace ControlNet.Native.Imaging;

/// <summary>
/// The cyclic redundancy check of PNG chunks. Source: W3C PNG, third edition, 5.5 and annex D; polynomial 0xEDB88320.
/// </summary>
internal static class Crc32
{
    private static readonly uint[] s_table = MakeTable();

    /// <summary>The check of <paramref name="bytes"/>.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc = s_table[(byte)(crc ^ b)] ^ (crc >> 8);
        }

        return ~crc;
    }

    private static uint[] MakeTable()
    {
        uint[] table = new uint[256];
        for (uint n = 0; n < 256; n++)
        {
            uint c = n;
            for (int bit = 0; bit < 8; bit++)
            {
                c = (c & 1) != 0 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            }

            table[n] = c;
        }

        return table;
    }
}
