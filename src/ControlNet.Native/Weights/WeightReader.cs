using System;
using System.Runtime.InteropServices;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>Brings the bytes of a slot onto a device.</summary>
internal static class WeightReader
{
    // What memory has no type for is converted this many elements at a time.
    private const int ChunkElements = 64 << 10;

    /// <summary>Reads a weight.</summary>
    /// <param name="device">Where it goes.</param>
    /// <param name="slot">Where it lies.</param>
    /// <param name="shape">A shape with the slot's count.</param>
    /// <param name="type">
    /// The type to end up in; null keeps the file's (F32 for the 64-bit types, F16 for the 8-bit ones).
    /// </param>
    /// <returns>A tensor that belongs to the caller, not to a scope.</returns>
    /// <exception cref="CheckpointException">
    /// The stored type is none a weight has, or the weight is larger than 2 GiB.
    /// </exception>
    public static Tensor Read(Device device, WeightSlot slot, Shape shape, DType? type)
    {
        if (shape.Count * sizeof(float) > int.MaxValue)
        {
            throw Refused(slot, $"has {shape.Count} elements, more than the 2 GiB one weight may take");
        }

        string stored = slot.Entry.DType;
        DType inMemory = stored switch
        {
            "F32" or "F64" or "I64" => DType.F32,

            // Every value of the 8-bit types is one of binary16.
            "F16" or "F8_E4M3" or "F8_E5M2" => DType.F16,
            "BF16" => DType.BF16,
            _ => throw Refused(slot, $"is {stored}; weights are read from {ElementConversion.Types}"),
        };

        using TensorScope scope = TensorScope.Enter();
        Tensor read = Tensor.Create(device, shape, inMemory, bytes =>
        {
            if (stored == inMemory.Name())
            {
                slot.File.Read(slot.Entry.Name, slot.OffsetBytes, bytes);
            }
            else
            {
                ReadConverted(slot, bytes);
            }
        });
        Tensor result = type is null || type == read.DType ? read : Ops.Cast(read, type.Value);
        return result.Detach();
    }

    private static void ReadConverted(WeightSlot slot, Span<byte> destination)
    {
        string stored = slot.Entry.DType;
        int elementBytes = SafeTensorsTypes.Bits(stored) / 8;
        byte[] chunk = new byte[elementBytes * ChunkElements];
        for (long done = 0; done < slot.Count;)
        {
            int count = (int)Math.Min(ChunkElements, slot.Count - done);
            Span<byte> source = chunk.AsSpan(0, elementBytes * count);
            slot.File.Read(slot.Entry.Name, slot.OffsetBytes + (elementBytes * done), source);
            switch (stored)
            {
                case "F8_E4M3":
                    Float8Conversion.E4M3ToHalf(source, destination.Slice((int)(2 * done), 2 * count));
                    break;
                case "F8_E5M2":
                    Float8Conversion.E5M2ToHalf(source, destination.Slice((int)(2 * done), 2 * count));
                    break;
                default:
                    ElementConversion.Widen(
                        stored, source,
                        MemoryMarshal.Cast<byte, float>(destination.Slice((int)(4 * done), 4 * count)));
                    break;
            }

            done += count;
        }
    }

    private static CheckpointException Refused(WeightSlot slot, string problem) =>
        new($"{MessageText.Name(slot.File.Name)}: tensor '{MessageText.Name(slot.Entry.Name)}' {problem}");
}
