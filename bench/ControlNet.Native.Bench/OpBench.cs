using System;
using BenchmarkDotNet.Attributes;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>
/// What the benchmarks of single operations share: a device, and inputs of random values. Zeros would flatter: they
/// compress in memory, skip denormals and make every branch predictable.
/// </summary>
public abstract class OpBench
{
    private readonly Random _random = new(20240607);

    /// <summary>All processors.</summary>
    protected Device Device { get; private set; } = null!;

    /// <summary>Opens the device and makes the inputs.</summary>
    [GlobalSetup]
    public void Setup()
    {
        Device = Devices.Cpu();
        MakeInputs();
    }

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Cleanup() => Device.Dispose();

    /// <summary>Makes the inputs of the case at hand.</summary>
    protected abstract void MakeInputs();

    /// <summary>A tensor of uniform values between -2 and 2.</summary>
    protected Tensor Draw(Shape shape)
    {
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (_random.NextSingle() * 4f) - 2f;
        }

        return Tensor.From(Device, shape, values);
    }
}
