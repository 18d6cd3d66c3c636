using System;

namespace ControlNet.Native.Tensors.Contracts;

/// <summary>A run of elements of one type inside a block of device memory. Kernels see these, never a tensor.</summary>
internal readonly struct BufferView
{
    private readonly MemoryBlock? _block;

    public BufferView(MemoryBlock block, DType type, long offset, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((offset + count) * type.ElementBytes(), block.Bytes);
        _block = block;
        Type = type;
        Offset = offset;
        Count = count;
    }

    /// <summary>The absent buffer: an input not given, or an output nobody asked for.</summary>
    public static BufferView None => default;

    public DType Type { get; }

    /// <summary>First element, counted from the start of the block.</summary>
    public long Offset { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    public long Bytes => Count * Type.ElementBytes();

    public bool IsNone => _block is null;

    public MemoryBlock Block => _block ?? throw new InvalidOperationException("the absent buffer has no block");

    /// <summary>
    /// Host address of the first element, null for the absent buffer. Only blocks of the CPU backend have one.
    /// </summary>
    public unsafe void* Address =>
        _block is null ? null : (byte*)_block.HostAddress + (Offset * Type.ElementBytes());

    /// <summary>Host address of the first float32 element, null for the absent buffer.</summary>
    public unsafe float* Floats => Type == DType.F32
        ? (float*)Address
        : throw new InvalidOperationException($"the kernel reads F32, the buffer holds {Type.Name()}");
}
