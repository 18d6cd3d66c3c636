using System;

namespace ControlNet.Native.Tensors;

/// <summary>Numbers for a self-test: uniform in [-1, 1), of no pattern, and the same on every device.</summary>
/// <param name="device">Where the tensors are.</param>
internal sealed class SelfTestInputs(Device device)
{
    private uint _tensors;

    /// <summary>A tensor of the scope around the caller, other numbers for each call.</summary>
    public Tensor Numbers(params ReadOnlySpan<int> extents)
    {
        Shape shape = new(extents);
        float[] values = new float[shape.Count];
        uint start = 0x9E3779B9u * ++_tensors;
        for (int i = 0; i < values.Length; i++)
        {
            // The finalizer of MurmurHash3.
            uint h = start + (uint)i;
            h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
            h = (h ^ (h >> 13)) * 0xC2B2AE35u;
            values[i] = ((h ^ (h >> 16)) >> 8) / 8388608f - 1;
        }

        return Tensor.From(device, shape, values);
    }

    /// <summary>
    /// The same in F16, for activations. On a device that stores none the values are those, as F32.
    /// </summary>
    public Tensor Halves(params ReadOnlySpan<int> extents)
    {
        Tensor halves = Ops.Cast(Numbers(extents), DType.F16);
        return device.Backend.SupportsActivations(DType.F16) ? halves : Ops.Cast(halves, DType.F32);
    }
}
