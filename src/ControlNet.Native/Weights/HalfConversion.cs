using System;
using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Weights;

/// <summary>
/// Conversions between float32 and the 16-bit types as they lie in files: little-endian bytes, no alignment. Widening
/// is exact; narrowing rounds to nearest, ties to even, keeps subnormals and overflows to infinity. A NaN stays a NaN;
/// its payload may change. Eight elements are converted at a time, whatever the machine.
/// </summary>
public static class HalfConversion
{
    private const int Lanes = 8;

    /// <summary>Widens binary16.</summary>
    /// <param name="source">Two bytes an element.</param>
    /// <param name="destination">As many elements as <paramref name="source"/> holds.</param>
    public static void WidenHalf(ReadOnlySpan<byte> source, Span<float> destination)
    {
        CheckLengths(source.Length, destination.Length);
        int i = 0;
        for (; i <= destination.Length - Lanes; i += Lanes)
        {
            HalfBits(LoadBits(source[(2 * i)..])).AsSingle().CopyTo(destination[i..]);
        }

        for (; i < destination.Length; i++)
        {
            destination[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(source[(2 * i)..]);
        }
    }

    /// <summary>Widens bfloat16.</summary>
    /// <param name="source">Two bytes an element.</param>
    /// <param name="destination">As many elements as <paramref name="source"/> holds.</param>
    public static void WidenBFloat16(ReadOnlySpan<byte> source, Span<float> destination)
    {
        CheckLengths(source.Length, destination.Length);
        int i = 0;
        for (; i <= destination.Length - Lanes; i += Lanes)
        {
            (LoadBits(source[(2 * i)..]) << 16).AsSingle().CopyTo(destination[i..]);
        }

        for (; i < destination.Length; i++)
        {
            destination[i] = BitConverter.UInt32BitsToSingle(
                (uint)BinaryPrimitives.ReadUInt16LittleEndian(source[(2 * i)..]) << 16);
        }
    }

    /// <summary>Narrows to binary16.</summary>
    /// <param name="source">The elements.</param>
    /// <param name="destination">Two bytes for each of them.</param>
    public static void NarrowToHalf(ReadOnlySpan<float> source, Span<byte> destination)
    {
        CheckLengths(destination.Length, source.Length);
        int i = 0;
        for (; i <= source.Length - Lanes; i += Lanes)
        {
            StoreBits(ToHalfBits(Vector256.Create(source[i..]).AsUInt32()), destination[(2 * i)..]);
        }

        for (; i < source.Length; i++)
        {
            BinaryPrimitives.WriteHalfLittleEndian(destination[(2 * i)..], (Half)source[i]);
        }
    }

    /// <summary>Narrows to bfloat16.</summary>
    /// <param name="source">The elements.</param>
    /// <param name="destination">Two bytes for each of them.</param>
    public static void NarrowToBFloat16(ReadOnlySpan<float> source, Span<byte> destination)
    {
        CheckLengths(destination.Length, source.Length);
        int i = 0;
        for (; i <= source.Length - Lanes; i += Lanes)
        {
            StoreBits(ToBFloat16Bits(Vector256.Create(source[i..]).AsUInt32()), destination[(2 * i)..]);
        }

        for (; i < source.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(source[i]);
            ushort narrow = (ushort)ToBFloat16Bits(Vector256.Create(bits))[0];
            BinaryPrimitives.WriteUInt16LittleEndian(destination[(2 * i)..], narrow);
        }
    }

    private static void CheckLengths(int bytes, int elements)
    {
        if (bytes != 2L * elements)
        {
            throw new ArgumentException($"{elements} 16-bit elements need {2L * elements} bytes, got {bytes}");
        }
    }

    private static Vector256<uint> LoadBits(ReadOnlySpan<byte> source)
    {
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.Create(source).AsUInt16());
        return Vector256.Create(low, high);
    }

    private static void StoreBits(Vector256<uint> bits, Span<byte> destination) =>
        Vector128.Narrow(bits.GetLower(), bits.GetUpper()).AsByte().CopyTo(destination);

    // The exponent moves by multiplying with 2^112, which also normalises subnormals exactly.
    private static Vector256<uint> HalfBits(Vector256<uint> half)
    {
        Vector256<uint> magnitude = (half & Vector256.Create(0x7FFFu)) << 13;
        Vector256<uint> special = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x7C00u << 13));
        Vector256<uint> scaled =
            (magnitude.AsSingle() * Vector256.Create(BitConverter.UInt32BitsToSingle((127u + 112u) << 23))).AsUInt32();
        Vector256<uint> value = scaled | (special & Vector256.Create(0x7F800000u));
        return value | ((half & Vector256.Create(0x8000u)) << 16);
    }

    private static Vector256<uint> ToHalfBits(Vector256<uint> bits)
    {
        Vector256<uint> magnitude = bits & Vector256.Create(0x7FFFFFFFu);
        Vector256<uint> sign = (bits >> 16) & Vector256.Create(0x8000u);

        // Normal results: rebias the exponent by -112 and round at bit 13; a carry runs into the exponent and, at the
        // top, into infinity, which is what rounding demands.
        Vector256<uint> odd = (magnitude >> 13) & Vector256<uint>.One;
        Vector256<uint> normal = (magnitude - Vector256.Create(112u << 23) + Vector256.Create(0xFFFu) + odd) >> 13;

        // Subnormal results: adding 0.5 puts the last bit of binary16 (2^-24) at the last bit of the sum, so that the
        // addition itself rounds.
        Vector256<float> half = Vector256.Create(0.5f);
        Vector256<uint> subnormal = (magnitude.AsSingle() + half).AsUInt32() - half.AsUInt32();

        Vector256<uint> result = Vector256.ConditionalSelect(
            Vector256.LessThan(magnitude, Vector256.Create(113u << 23)), subnormal, normal);
        result = Vector256.ConditionalSelect(
            Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(143u << 23)), Vector256.Create(0x7C00u), result);
        result = Vector256.ConditionalSelect(
            Vector256.GreaterThan(magnitude, Vector256.Create(0x7F800000u)), Vector256.Create(0x7E00u), result);
        return result | sign;
    }

    private static Vector256<uint> ToBFloat16Bits(Vector256<uint> bits)
    {
        Vector256<uint> odd = (bits >> 16) & Vector256<uint>.One;
        Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + odd) >> 16;
        Vector256<uint> isNan = Vector256.GreaterThan(
            bits & Vector256.Create(0x7FFFFFFFu), Vector256.Create(0x7F800000u));

        // Without its quiet bit a NaN whose payload lies in the lower half would become an infinity.
        return Vector256.ConditionalSelect(isNan, (bits >> 16) | Vector256.Create(0x40u), rounded);
    }
}
