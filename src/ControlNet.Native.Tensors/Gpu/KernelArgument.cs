using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// One argument of a launch. Conversions are implicit and nothing is put on the heap. A buffer becomes two parameters
/// of the kernel, its memory and the element it starts at as a 64-bit integer; the absent buffer is a null pointer and
/// 0. A tensor map is one parameter, by value, which the driver makes.
/// </summary>
internal readonly struct KernelArgument
{
    private KernelArgument(bool isBuffer, nint memory, long bits, int bytes, bool isFloat = false)
    {
        IsBuffer = isBuffer;
        Memory = memory;
        Bits = bits;
        Bytes = bytes;
        IsFloat = isFloat;
    }

    private KernelArgument(TensorMap map) => Map = map;

    /// <summary>Whether this is a buffer, two parameters, or one: a number or a tensor map.</summary>
    public bool IsBuffer { get; }

    /// <summary>The tensor map; null for everything else.</summary>
    public TensorMap? Map { get; }

    /// <summary>The driver's handle of the memory of a buffer; zero for the absent one.</summary>
    public nint Memory { get; }

    /// <summary>The number, in the lowest bytes; of a buffer the element it starts at.</summary>
    public long Bits { get; }

    /// <summary>Bytes of the number: 4 or 8.</summary>
    public int Bytes { get; }

    /// <summary>Whether the number is a float32. Drivers need not know, tests of signatures do.</summary>
    public bool IsFloat { get; }

    public static implicit operator KernelArgument(BufferView view)
    {
        if (view.IsNone)
        {
            return new(true, 0, 0, sizeof(long));
        }

        GpuBlock block = (GpuBlock)view.Block;
        return new(true, block.Memory, (block.Start / view.Type.ElementBytes()) + view.Offset, sizeof(long));
    }

    public static implicit operator KernelArgument(TensorMap map) => new(map);

    public static implicit operator KernelArgument(int value) => new(false, 0, (uint)value, sizeof(int));

    public static implicit operator KernelArgument(long value) => new(false, 0, value, sizeof(long));

    public static implicit operator KernelArgument(float value) =>
        new(false, 0, BitConverter.SingleToUInt32Bits(value), sizeof(float), isFloat: true);
}
