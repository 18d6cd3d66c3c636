using System;
using System.Buffers.Binary;

namespace ControlNet.Native.Weights;

/// <summary>
/// Widens the 8-bit types as they lie in files; exact. Source: Micikevicius et al., 2022, arXiv:2209.05433, table 1.
/// E4M3 (of PyTorch's <c>float8_e4m3fn</c>) has no infinity and a single NaN for each sign, E5M2 is the upper half of
/// binary16. Every value of either is one of binary16.
/// </summary>
public static class Float8Conversion
{
    private static readonly ushort[] s_e4m3 = Table(E4M3Bits), s_e5m2 = Table(static bits => (ushort)(bits << 8));

    /// <summary>Widens E4M3 to float32.</summary>
    /// <param name="source">One byte an element.</param>
    /// <param name="destination">As many elements.</param>
    public static void WidenE4M3(ReadOnlySpan<byte> source, Span<float> destination) =>
        Widen(s_e4m3, source, destination);

    /// <summary>Widens E5M2 to float32.</summary>
    /// <param name="source">One byte an element.</param>
    /// <param name="destination">As many elements.</param>
    public static void WidenE5M2(ReadOnlySpan<byte> source, Span<float> destination) =>
        Widen(s_e5m2, source, destination);

    /// <summary>Widens E4M3 to binary16, little-endian.</summary>
    /// <param name="source">One byte an element.</param>
    /// <param name="destination">Two bytes for each.</param>
    public static void E4M3ToHalf(ReadOnlySpan<byte> source, Span<byte> destination) =>
        ToHalf(s_e4m3, source, destination);

    /// <summary>Widens E5M2 to binary16, little-endian.</summary>
    /// <param name="source">One byte an element.</param>
    /// <param name="destination">Two bytes for each.</param>
    public static void E5M2ToHalf(ReadOnlySpan<byte> source, Span<byte> destination) =>
        ToHalf(s_e5m2, source, destination);

    private static void Widen(ushort[] table, ReadOnlySpan<byte> source, Span<float> destination)
    {
        Check(source.Length, destination.Length, "elements");
        for (int i = 0; i < source.Length; i++)
        {
            destination[i] = (float)BitConverter.UInt16BitsToHalf(table[source[i]]);
        }
    }

    private static void ToHalf(ushort[] table, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Check(2 * source.Length, destination.Length, "bytes");
        for (int i = 0; i < source.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(destination[(2 * i)..], table[source[i]]);
        }
    }

    private static void Check(int needed, int given, string unit)
    {
        if (needed != given)
        {
            throw new ArgumentException($"the 8-bit elements widen to {needed} {unit}, got room for {given}");
        }
    }

    private static ushort[] Table(Func<int, ushort> halfOf)
    {
        ushort[] table = new ushort[256];
        for (int bits = 0; bits < table.Length; bits++)
        {
            table[bits] = halfOf(bits);
        }

        return table;
    }

    /// <summary>Binary16 of a sign, four exponent bits with bias 7 and three of fraction.</summary>
    private static ushort E4M3Bits(int bits)
    {
        int exponent = (bits >> 3) & 0xF, fraction = bits & 7;
        Half magnitude = (bits & 0x7F) == 0x7F ? Half.NaN
            : exponent == 0 ? (Half)(fraction * (1f / 512))
            : (Half)((8 + fraction) * MathF.ScaleB(1, exponent - 10));
        return (ushort)((BitConverter.HalfToUInt16Bits(magnitude) & 0x7FFF) | ((bits & 0x80) << 8));
    }
}
