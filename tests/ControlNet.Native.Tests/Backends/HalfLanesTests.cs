using System;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Cpu;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.BackendTests;

public sealed unsafe class HalfLanesTests
{
    /// <summary>Every bit pattern through the vectors, and the last ones through what is left over.</summary>
    [Theory]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Widens_every_pattern_exactly(DType type)
    {
        ushort[] patterns = [.. Enumerable.Range(0, 65_536).Select(i => (ushort)i), 0x7bff, 0x0001, 0xfc00];
        float[] wide = new float[patterns.Length];
        fixed (ushort* source = patterns)
        fixed (float* target = wide)
        {
            HalfLanes.Widen(type, source, target, patterns.Length);
        }

        for (int i = 0; i < patterns.Length; i++)
        {
            float expected = type == DType.F16
                ? (float)BitConverter.UInt16BitsToHalf(patterns[i])
                : BitConverter.UInt32BitsToSingle((uint)patterns[i] << 16);
            Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(wide[i]));
        }
    }

    /// <summary>
    /// Around every boundary between two neighbours of the narrow type, ties included, and patterns at random.
    /// </summary>
    [Theory]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Narrows_to_nearest_ties_to_even(DType type)
    {
        Random random = new(7);
        float[] wide =
        [
            .. Enumerable.Range(0, 65_536).SelectMany(i => Around(type, (ushort)i)),
            .. Enumerable.Range(0, 200_003)
                .Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue))),
        ];
        ushort[] narrow = new ushort[wide.Length];
        fixed (float* source = wide)
        fixed (ushort* target = narrow)
        {
            HalfLanes.Narrow(type, source, target, wide.Length);
        }

        for (int i = 0; i < wide.Length; i++)
        {
            ushort expected = type == DType.F16 ? BitConverter.HalfToUInt16Bits((Half)wide[i]) : Brain(wide[i]);
            Assert.True(
                expected == narrow[i],
                $"{BitConverter.SingleToUInt32Bits(wide[i]):x8} became {narrow[i]:x4}, not {expected:x4}");
        }
    }

    /// <summary>
    /// A value of the narrow type, the middle between it and its neighbour, and the two floats beside the middle.
    /// </summary>
    private static float[] Around(DType type, ushort pattern)
    {
        float value = type == DType.F16
            ? (float)BitConverter.UInt16BitsToHalf(pattern)
            : BitConverter.UInt32BitsToSingle((uint)pattern << 16);
        float next = type == DType.F16
            ? (float)BitConverter.UInt16BitsToHalf((ushort)(pattern + 1))
            : BitConverter.UInt32BitsToSingle((uint)(ushort)(pattern + 1) << 16);
        float middle = (float)(((double)value + next) / 2);
        return [value, middle, MathF.BitIncrement(middle), MathF.BitDecrement(middle)];
    }

    private static ushort Brain(float v)
    {
        uint bits = BitConverter.SingleToUInt32Bits(v);
        if (float.IsNaN(v))
        {
            return (ushort)((bits >> 16) | 0x40);
        }

        uint rest = bits & 0xffff, kept = bits >> 16;
        return (ushort)(rest > 0x8000 || (rest == 0x8000 && (kept & 1) == 1) ? kept + 1 : kept);
    }
}
