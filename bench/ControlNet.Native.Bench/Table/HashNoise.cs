using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// Inputs that every peer can make for itself, bit for bit: the MurmurHash3 finalizer of an element's index, as uniform
/// values of unit variance. <c>noise</c> of <c>bench/peers/networks.py</c> is the same function.
/// </summary>
internal static class HashNoise
{
    /// <summary>A tensor of these extents; the index counts row-major.</summary>
    public static Tensor Tensor(Device device, uint seed, params ReadOnlySpan<int> extents)
    {
        Shape shape = new(extents);
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Value(seed, (uint)i);
        }

        return Tensors.Tensor.From(device, shape, values);
    }

    /// <summary>The value of one element.</summary>
    public static float Value(uint seed, uint index)
    {
        uint h = unchecked(index + (seed * 0x9E3779B9u));
        h = unchecked((h ^ (h >> 16)) * 0x85EBCA6Bu);
        h = unchecked((h ^ (h >> 13)) * 0xC2B2AE35u);
        h ^= h >> 16;
        return (float)(((2.0 * (h >> 8) / (1 << 24)) - 1) * Math.Sqrt(3));
    }
}
