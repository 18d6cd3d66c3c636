using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>
/// Gives a ControlNet another base model: control + new base - old base for every weight of the copied encoder; the
/// hint encoder and the zero convolutions stay. Source: lllyasviel's <c>tool_transfer_control.py</c>.
/// </summary>
internal sealed class BaseTransfer : IWeightChange, IDisposable
{
    private readonly Checkpoint _old, _new;
    private readonly Dictionary<string, (WeightSlot Old, WeightSlot New)> _bases = new(StringComparer.Ordinal);
    private float[] _chunk = [];
    private byte[] _stored = [];

    private BaseTransfer(Checkpoint oldBase, Checkpoint newBase) => (_old, _new) = (oldBase, newBase);

    /// <summary>Opens both bases and matches their UNets with the control.</summary>
    /// <param name="control">The weights of the ControlNet.</param>
    /// <param name="from">Path of the base it was trained on.</param>
    /// <param name="to">Path of the base it is to steer.</param>
    /// <exception cref="CheckpointException">A base has no UNet, or one of another shape.</exception>
    /// <exception cref="SafeTensorsException">A file is damaged or of another format.</exception>
    public static BaseTransfer Open(ComponentWeights control, string from, string to)
    {
        Checkpoint oldBase = Checkpoint.Open(from);
        Checkpoint? newBase = null;
        try
        {
            newBase = Checkpoint.Open(to);
            BaseTransfer transfer = new(oldBase, newBase);
            foreach ((string name, WeightSlot own) in control.Slots.Where(slot => IsShared(slot.Key)))
            {
                transfer._bases.Add(name, (Find(oldBase, name, own), Find(newBase, name, own)));
            }

            return transfer;
        }
        catch
        {
            newBase?.Dispose();
            oldBase.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public bool Changes(ModelKind kind, string weight) =>
        kind == ModelKind.ControlNet && _bases.ContainsKey(weight);

    /// <inheritdoc/>
    public void Apply(ModelKind kind, string weight, Memory<float> values)
    {
        (WeightSlot from, WeightSlot to) = _bases[weight];
        Span<float> control = values.Span;
        if (_chunk.Length < 2 * control.Length)
        {
            _chunk = new float[2 * control.Length];
        }

        Span<float> older = _chunk.AsSpan(0, control.Length), newer = _chunk.AsSpan(control.Length, control.Length);
        Read(from, older);
        Read(to, newer);
        for (int i = 0; i < control.Length; i++)
        {
            // The difference first: between equal bases it is nothing, and the control stays what it was.
            control[i] = (float)(control[i] + ((double)newer[i] - older[i]));
        }
    }

    /// <summary>Closes the bases.</summary>
    public void Dispose()
    {
        _old.Dispose();
        _new.Dispose();
    }

    private static bool IsShared(string name) => !name.StartsWith("controlnet_", StringComparison.Ordinal);

    private static WeightSlot Find(Checkpoint checkpoint, string name, WeightSlot own)
    {
        ComponentWeights unet = checkpoint.Unet?.Weights ?? throw new CheckpointException(
            $"{MessageText.Name(checkpoint.Source)}: has no UNet; a ControlNet is transferred between base models");
        WeightSlot? slot = unet.Slots.GetValueOrDefault(name);
        bool fits = slot is not null && Trimmed(slot).SequenceEqual(Trimmed(own));
        return fits && ElementConversion.IsKnown(slot!.Entry.DType) ? slot : throw new CheckpointException(
            $"{MessageText.Name(checkpoint.Source)}: weight '{MessageText.Name(name)}' is " +
            (slot is null ? "missing" : fits ? slot.Entry.DType : slot.ExtentsText) +
            $", that of the ControlNet {own.ExtentsText}; take bases of the family that the ControlNet is made for");
    }

    private static IEnumerable<long> Trimmed(WeightSlot slot) => slot.AsMatrix().Extents;

    private void Read(WeightSlot slot, Span<float> destination)
    {
        if (_stored.Length < slot.ByteCount)
        {
            _stored = new byte[slot.ByteCount];
        }

        Span<byte> bytes = _stored.AsSpan(0, (int)slot.ByteCount);
        slot.File.Read(slot.Entry.Name, slot.OffsetBytes, bytes);
        ElementConversion.Widen(slot.Entry.DType, bytes, destination);
    }
}
