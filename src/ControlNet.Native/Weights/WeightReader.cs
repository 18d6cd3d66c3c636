using System;
using System.Buffers.Binary;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>Brings the bytes of a slot onto a device.</summary>
internal static class WeightReader
{
    // F64 and I64 buffers are converted this many elements at a time.
    private const int ChunkElements = 64 << 10;

    /// <summary>Reads a weight.</summary>
    /// <param name="device">Where it goes.</param>
    /// <param name="slot">Where it lies.</param>
    /// <param name="shape">A shape with the slot's count.</param>
    /// <param name="type">The type to end up in; null keeps the file's (F32 for the 64-bit types).</param>
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

        DType? stored = slot.Entry.DType switch
        {
            "F32" => DType.F32,
            "F16" => DType.F16,
            "BF16" => DType.BF16,
            "F64" or "I64" => null,
            _ => throw Refused(slot, $"is {slot.Entry.DType}; weights are read from F32, F16, BF16, F64 or I64"),
        };

        using TensorScope scope = TensorScope.Enter();
        Tensor read = stored is DType direct
            ? Tensor.Create(device, shape, direct, bytes => slot.File.Read(slot.Entry.Name, slot.OffsetBytes, bytes))
            : Tensor.Create(device, shape, DType.F32, bytes => ReadWide(slot, bytes));
        Tensor result = type is null || type == read.DType ? read : Ops.Cast(read, type.Value);
        return result.Detach();
    }

    private static void ReadWide(WeightSlot slot, Span<byte> destination)
    {
        bool isInteger = slot.Entry.DType == "I64";
        byte[] chunk = new byte[8 * ChunkElements];
        for (long done = 0; done < slot.Count;)
        {
            int count = (int)Math.Min(ChunkElements, slot.Count - done);
            slot.File.Read(slot.Entry.Name, slot.OffsetBytes + (8 * done), chunk.AsSpan(0, 8 * count));
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> element = chunk.AsSpan(8 * i);
                float value = isInteger
                    ? BinaryPrimitives.ReadInt64LittleEndian(element)
                    : (float)BinaryPrimitives.ReadDoubleLittleEndian(element);
                BinaryPrimitives.WriteSingleLittleEndian(destination[(int)(4 * (done + i))..], value);
            }

            done += count;
        }
    }

    private static CheckpointException Refused(WeightSlot slot, string problem) =>
        new($"{MessageText.Name(slot.File.Name)}: tensor '{MessageText.Name(slot.Entry.Name)}' {problem}");
}
