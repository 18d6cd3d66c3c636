using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <summary>
/// A weight rearranged once, at load, into the layout its device multiplies with. It replaces the tensor it was made
/// from; made by <see cref="Ops.PackLinear"/> and <see cref="Ops.PackConv2d"/>, freed by its owner.
/// </summary>
public sealed class PackedWeight : IDisposable
{
    private MemoryBlock? _block;

    internal PackedWeight(
        Backend backend, Shape shape, DType type, long packedCount, Conv2dForm form = Conv2dForm.Direct)
    {
        Backend = backend;
        Shape = shape;
        DType = type;
        PackedCount = packedCount;
        Form = form;
        _block = backend.Allocate(packedCount * type.ElementBytes());
    }

    /// <summary>The shape before packing: <c>[Out, In]</c> or <c>[Out, In, K, K]</c>.</summary>
    public Shape Shape { get; }

    /// <summary>
    /// How an element is stored; 16-bit weights are widened inside the kernel, transformed ones are F32.
    /// </summary>
    public DType DType { get; }

    /// <summary>Bytes on the device, padding included.</summary>
    public long Bytes => PackedCount * DType.ElementBytes();

    internal Backend Backend { get; }

    internal BufferView View => new(
        _block ?? throw new ObjectDisposedException(nameof(PackedWeight), $"the weight {Shape} was disposed"),
        DType, 0, PackedCount);

    /// <summary>What a weight of a convolution holds.</summary>
    internal Conv2dForm Form { get; }

    private long PackedCount { get; }

    /// <summary>Returns the memory to the device's pool.</summary>
    public void Dispose()
    {
        _block?.Dispose();
        _block = null;
    }
}
