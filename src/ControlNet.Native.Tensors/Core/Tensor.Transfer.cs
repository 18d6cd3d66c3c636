using System;
using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors;

/// <summary>Ways between a tensor and the memory of the host.</summary>
public sealed partial class Tensor
{
    /// <summary>Fills the raw little-endian, row-major bytes of a new tensor.</summary>
    public delegate void ByteFiller(Span<byte> bytes);

    /// <summary>Copies <paramref name="values"/>, row-major, into a new F32 tensor.</summary>
    /// <exception cref="ShapeException">The count does not match the shape.</exception>
    public static Tensor From(Device device, Shape shape, ReadOnlySpan<float> values) =>
        FromBytes(device, shape, DType.F32, MemoryMarshal.AsBytes(values));

    /// <summary>Copies <paramref name="values"/>, row-major, into a new I32 tensor.</summary>
    /// <exception cref="ShapeException">The count does not match the shape.</exception>
    public static Tensor From(Device device, Shape shape, ReadOnlySpan<int> values) =>
        FromBytes(device, shape, DType.I32, MemoryMarshal.AsBytes(values));

    /// <summary>Copies raw little-endian, row-major elements into a new tensor.</summary>
    /// <exception cref="ShapeException">The byte count does not match shape and type.</exception>
    public static Tensor FromBytes(Device device, Shape shape, DType type, ReadOnlySpan<byte> bytes)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (bytes.Length != shape.Count * type.ElementBytes())
        {
            throw new ShapeException(
                $"Tensor.From: {type.Name()} {shape} holds {shape.Count * type.ElementBytes()} bytes, got " +
                $"{bytes.Length}");
        }

        return Uploaded(device.Backend, shape, type, bytes);
    }

    /// <summary>
    /// Makes a tensor whose bytes <paramref name="fill"/> writes, on the CPU straight into its memory: a file is read
    /// without a second copy. At most 2 GiB.
    /// </summary>
    public static unsafe Tensor Create(Device device, Shape shape, DType type, ByteFiller fill)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(fill);
        int bytes = checked((int)(shape.Count * type.ElementBytes()));
        Tensor tensor = new(device.Backend, shape, type);
        if (!device.HoldsData)
        {
            return tensor;
        }

        try
        {
            if (tensor.View.Block.HostAddress != 0)
            {
                fill(new Span<byte>(tensor.View.Address, bytes));
            }
            else
            {
                byte[] staging = GC.AllocateUninitializedArray<byte>(bytes);
                fill(staging);
                device.Backend.Upload(staging, tensor.View);
            }

            return tensor;
        }
        catch
        {
            tensor.Detach().Dispose();
            throw;
        }
    }

    /// <summary>
    /// Copies <paramref name="values"/>, row-major, into a new F32 tensor of this shape on this device.
    /// </summary>
    /// <exception cref="ShapeException">The count does not match the shape.</exception>
    public Tensor Like(ReadOnlySpan<float> values)
    {
        if (values.Length != Shape.Count)
        {
            throw new ShapeException($"Tensor.Like: {Shape} has {Shape.Count} elements, got {values.Length}");
        }

        return Uploaded(Backend, Shape, DType.F32, MemoryMarshal.AsBytes(values));
    }

    /// <summary>A new F32 tensor of zeros.</summary>
    public static Tensor Zeros(Device device, Shape shape) =>
        Create(device, shape, DType.F32, static bytes => bytes.Clear());

    /// <summary>A new F32 tensor of ones.</summary>
    internal static Tensor One(Contracts.Backend backend, Shape shape)
    {
        float[] ones = new float[shape.Count];
        Array.Fill(ones, 1f);
        return Uploaded(backend, shape, DType.F32, MemoryMarshal.AsBytes(ones.AsSpan()));
    }

    /// <summary>A new tensor of these bytes; nothing is left of it when the device fails.</summary>
    private static Tensor Uploaded(Contracts.Backend backend, Shape shape, DType type, ReadOnlySpan<byte> bytes)
    {
        Tensor tensor = new(backend, shape, type);
        try
        {
            backend.Upload(bytes, tensor.View);
            return tensor;
        }
        catch
        {
            tensor.Detach().Dispose();
            throw;
        }
    }

    /// <summary>Waits for the device and copies the elements out, row-major.</summary>
    /// <exception cref="InvalidOperationException">The tensor is not F32.</exception>
    public float[] ToArray()
    {
        if (DType != DType.F32)
        {
            throw new InvalidOperationException($"ToArray reads F32, the tensor is {this}; cast it first");
        }

        float[] values = new float[Shape.Count];
        CopyBytesTo(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>
    /// Overwrites the elements with those of another tensor: how a parameter is set back to what was saved.
    /// </summary>
    /// <param name="source">F32 of this shape, on this device.</param>
    /// <exception cref="ShapeException">The shapes differ, or one is not F32.</exception>
    /// <exception cref="DeviceException">The tensors are on different devices.</exception>
    /// <exception cref="TapeException">A tape is open, which may still read the old elements.</exception>
    public void CopyFrom(Tensor source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Shape != Shape || source.DType != DType.F32 || DType != DType.F32)
        {
            throw new ShapeException($"CopyFrom: {this} takes an F32 tensor of its shape, got {source}");
        }

        if (source.Backend != Backend)
        {
            throw new DeviceException(
                $"CopyFrom: the tensor is on {Backend.Name}, the source on {source.Backend.Name}");
        }

        if (Tape.Current is not null)
        {
            throw new TapeException(
                "CopyFrom: changes a tensor that an open tape may still read; close the tape first");
        }

        Backend.Pointwise.LinearCombination([1f], [source.View], View);
    }

    /// <summary>Waits for the device and copies the raw elements out.</summary>
    /// <exception cref="ShapeException">The destination has not <see cref="Bytes"/> bytes.</exception>
    public void CopyBytesTo(Span<byte> destination)
    {
        if (destination.Length != Bytes)
        {
            throw new ShapeException($"CopyBytesTo: {this} holds {Bytes} bytes, the destination {destination.Length}");
        }

        Backend.Download(View, destination);
    }
}
