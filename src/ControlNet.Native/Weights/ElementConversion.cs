using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ControlNet.Native.Weights;

/// <summary>
/// Elements of weights as files store them, widened to F32 and narrowed back: rounded to nearest, ties to even.
/// </summary>
internal static class ElementConversion
{
    /// <summary>The types of <see cref="Widen"/>, as a message lists them.</summary>
    public const string Types = "F32, F16, BF16, F64, I64, F8_E4M3 or F8_E5M2";

    /// <summary>Whether weights are stored in a type.</summary>
    public static bool IsKnown(string dtype) =>
        dtype is "F32" or "F16" or "BF16" or "F64" or "I64" or "F8_E4M3" or "F8_E5M2";

    /// <summary>Whether a type holds fractions that another of them can be put for.</summary>
    public static bool IsFloating(string dtype) => dtype is not "I64" && IsKnown(dtype);

    /// <summary>Widens.</summary>
    /// <param name="dtype">One of <see cref="Types"/>.</param>
    /// <param name="source">Little-endian elements.</param>
    /// <param name="destination">As many elements.</param>
    public static void Widen(string dtype, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (dtype)
        {
            case "F32":
                source.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case "F16":
                HalfConversion.WidenHalf(source, destination);
                break;
            case "BF16":
                HalfConversion.WidenBFloat16(source, destination);
                break;
            case "F8_E4M3":
                Float8Conversion.WidenE4M3(source, destination);
                break;
            case "F8_E5M2":
                Float8Conversion.WidenE5M2(source, destination);
                break;
            case "F64" or "I64":
                for (int i = 0; i < destination.Length; i++)
                {
                    ReadOnlySpan<byte> element = source[(8 * i)..];
                    destination[i] = dtype == "I64"
                        ? BinaryPrimitives.ReadInt64LittleEndian(element)
                        : (float)BinaryPrimitives.ReadDoubleLittleEndian(element);
                }

                break;
            default:
                throw new ArgumentException($"'{dtype}' is not {Types}", nameof(dtype));
        }
    }

    /// <summary>Narrows.</summary>
    /// <param name="dtype">F32, F16, BF16 or F64.</param>
    /// <param name="source">The elements.</param>
    /// <param name="destination">Receives them, little-endian.</param>
    /// <exception cref="CheckpointException">No weight is written in that type.</exception>
    public static void Narrow(string dtype, ReadOnlySpan<float> source, Span<byte> destination)
    {
        switch (dtype)
        {
            case "F32":
                MemoryMarshal.AsBytes(source).CopyTo(destination);
                break;
            case "F16":
                HalfConversion.NarrowToHalf(source, destination);
                break;
            case "BF16":
                HalfConversion.NarrowToBFloat16(source, destination);
                break;
            case "F64":
                for (int i = 0; i < source.Length; i++)
                {
                    BinaryPrimitives.WriteDoubleLittleEndian(destination[(8 * i)..], source[i]);
                }

                break;
            default:
                throw new CheckpointException($"weights are written as F32, F16, BF16 or F64, not as {dtype}");
        }
    }
}
