using System;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>Elements of weights on the host: widened to F32 from whatever a file stores, and narrowed back.</summary>
internal static class WeightElements
{
    /// <summary>Reads a whole weight.</summary>
    /// <exception cref="CheckpointException">It is stored in a type no weight has, or larger than an array.</exception>
    /// <exception cref="SafeTensorsException">The file cannot be read (any more).</exception>
    public static float[] Read(WeightSlot slot)
    {
        if (slot.Count > Array.MaxLength / sizeof(double))
        {
            throw new CheckpointException(
                $"{MessageText.Name(slot.File.Name)}: tensor '{MessageText.Name(slot.Entry.Name)}' has {slot.Count} " +
                "elements, more than fit one array");
        }

        // The type is looked at before the bytes, so that nothing of an unknown width is read.
        RequireKnown(slot.File.Name, slot.Entry.Name, slot.Entry.DType);
        byte[] bytes = new byte[slot.ByteCount];
        slot.File.Read(slot.Entry.Name, slot.OffsetBytes, bytes);
        return Widen(slot.Entry.DType, bytes);
    }

    /// <summary>Refuses a type that no weight is stored in.</summary>
    public static void RequireKnown(string source, string tensor, string dtype)
    {
        if (!ElementConversion.IsKnown(dtype))
        {
            throw new CheckpointException(
                $"{MessageText.Name(source)}: tensor '{MessageText.Name(tensor)}' is {dtype}; weights are read from " +
                ElementConversion.Types);
        }
    }

    /// <summary>Elements as F32.</summary>
    /// <param name="dtype">One of <see cref="ElementConversion.Types"/>.</param>
    /// <param name="bytes">Little-endian.</param>
    public static float[] Widen(string dtype, ReadOnlySpan<byte> bytes)
    {
        float[] values = new float[bytes.Length / (SafeTensorsTypes.Bits(dtype) / 8)];
        ElementConversion.Widen(dtype, bytes, values);
        return values;
    }

    /// <summary>Elements as they are stored, rounded to nearest, ties to even.</summary>
    /// <param name="dtype">F32, F16, BF16 or F64.</param>
    /// <param name="values">The elements.</param>
    /// <exception cref="CheckpointException">It is another type.</exception>
    public static byte[] Narrow(string dtype, ReadOnlySpan<float> values)
    {
        byte[] bytes = new byte[values.Length * (SafeTensorsTypes.Bits(dtype) / 8)];
        ElementConversion.Narrow(dtype, values, bytes);
        return bytes;
    }
}
