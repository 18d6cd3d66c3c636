using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>
/// Makes the bytes of planned tensors, one tensor at a time, in memory that is used again for the next: the largest
/// tensor in the type it is written in, and in F32 as well where there is arithmetic on it.
/// </summary>
internal sealed class TensorStream
{
    // Cancelled between two of them.
    private const int ChunkBytes = 16 << 20, ChunkElements = 1 << 20;

    private readonly DType? _type;
    private readonly IReadOnlyList<IWeightChange> _changes;
    private readonly CancellationToken _cancellation;
    private readonly float[] _wide = new float[ChunkElements];
    private byte[] _result = [], _stored = [];
    private float[] _whole = [];

    /// <param name="type">The type floating tensors are written in; null for their own.</param>
    /// <param name="changes">What is done to weights on the way, in this order.</param>
    /// <param name="cancellation">Looked at every few milliseconds.</param>
    public TensorStream(DType? type, IReadOnlyList<IWeightChange> changes, CancellationToken cancellation) =>
        (_type, _changes, _cancellation) = (type, changes, cancellation);

    /// <summary>The type a tensor is written in, as safetensors names it.</summary>
    public string TypeOf(PlannedTensor tensor)
    {
        string stored = tensor.StoredType;
        bool isWeight = tensor.Values is null && tensor.Name.Contains('.', StringComparison.Ordinal);
        return !ElementConversion.IsFloating(stored) || !isWeight ? stored
            : _type?.Name()
            ?? (tensor.Pieces.Any(IsChanged) && stored.StartsWith("F8", StringComparison.Ordinal) ? "F16" : stored);
    }

    /// <summary>The elements of a tensor; they hold until the next is asked for.</summary>
    /// <exception cref="CheckpointException">
    /// It is larger than an array, or has a value beyond the type it is written in.
    /// </exception>
    /// <exception cref="SafeTensorsException">A file cannot be read (any more).</exception>
    public ReadOnlyMemory<byte> Bytes(PlannedTensor tensor)
    {
        _cancellation.ThrowIfCancellationRequested();
        string type = TypeOf(tensor);
        int elementBytes = SafeTensorsTypes.Bits(type) / 8;
        long bytes = checked(tensor.Count * elementBytes);
        if (bytes > Array.MaxLength || tensor.Count > Array.MaxLength / sizeof(float))
        {
            throw new CheckpointException(
                $"tensor '{MessageText.Name(tensor.Name)}' has {tensor.Count} elements, more than one array holds");
        }

        Memory<byte> result = Grown(ref _result, (int)bytes);
        if (tensor.Values is { } values)
        {
            ElementConversion.Narrow(type, values, result.Span);
            return result;
        }

        int at = 0;
        foreach (Piece piece in tensor.Pieces)
        {
            Memory<byte> part = result.Slice(at, checked((int)piece.Slot.Count * elementBytes));
            at += part.Length;
            if (IsChanged(piece))
            {
                Memory<float> whole = Grown(ref _whole, (int)piece.Slot.Count);
                Convert(piece, (done, chunk) => chunk.CopyTo(whole.Span[done..]));
                foreach (IWeightChange change in _changes)
                {
                    if (change.Changes(piece.Kind!.Value, piece.Weight!))
                    {
                        change.Apply(piece.Kind.Value, piece.Weight!, whole);
                    }
                }

                Narrow(tensor, type, whole.Span, part.Span);
            }
            else if (piece.Slot.Entry.DType == type)
            {
                Copy(piece.Slot, part);
            }
            else
            {
                Convert(piece, (done, chunk) => Narrow(
                    tensor, type, chunk, part.Span.Slice(done * elementBytes, chunk.Length * elementBytes)));
            }
        }

        return result;
    }

    private delegate void TakeChunk(int done, ReadOnlySpan<float> chunk);

    private bool IsChanged(Piece piece) =>
        piece.Weight is not null && _changes.Any(change => change.Changes(piece.Kind!.Value, piece.Weight));

    private void Copy(WeightSlot slot, Memory<byte> destination)
    {
        for (int done = 0; done < destination.Length; done += ChunkBytes)
        {
            _cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(ChunkBytes, destination.Length - done);
            slot.File.Read(slot.Entry.Name, slot.OffsetBytes + done, destination.Span.Slice(done, count));
        }
    }

    private void Convert(Piece piece, TakeChunk take)
    {
        WeightSlot slot = piece.Slot;
        int elementBytes = SafeTensorsTypes.Bits(slot.Entry.DType) / 8;
        for (int done = 0; done < slot.Count; done += ChunkElements)
        {
            _cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(ChunkElements, slot.Count - done);
            Span<byte> stored = Grown(ref _stored, count * elementBytes).Span;
            slot.File.Read(slot.Entry.Name, slot.OffsetBytes + ((long)done * elementBytes), stored);
            Span<float> wide = _wide.AsSpan(0, count);
            ElementConversion.Widen(slot.Entry.DType, stored, wide);
            take(done, wide);
        }
    }

    private static void Narrow(PlannedTensor tensor, string type, ReadOnlySpan<float> values, Span<byte> destination)
    {
        // Halfway between the largest number and the next there would be; what is not below it becomes infinite.
        float beyond = type switch
        {
            "F16" => 65520f,
            "BF16" => 3.3961775e38f,
            _ => float.PositiveInfinity,
        };
        foreach (float value in values)
        {
            if (Math.Abs(value) >= beyond && float.IsFinite(value))
            {
                throw new CheckpointException(FormattableString.Invariant(
                    $"tensor '{MessageText.Name(tensor.Name)}' has the value {value}, which {type} cannot hold; ") +
                    "take another type");
            }
        }

        ElementConversion.Narrow(type, values, destination);
    }

    private static Memory<T> Grown<T>(ref T[] array, int count)
    {
        array = array.Length >= count ? array : new T[count];
        return array.AsMemory(0, count);
    }
}
