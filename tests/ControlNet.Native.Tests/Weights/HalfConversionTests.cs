using System;
using System.Buffers.Binary;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

public sealed class HalfConversionTests
{
    [Fact]
    public void All_65536_halves_widen_as_the_runtime_says_and_come_back()
    {
        byte[] bits = new byte[2 * 65536];
        for (int i = 0; i < 65536; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bits.AsSpan(2 * i), (ushort)i);
        }

        float[] wide = new float[65536];
        HalfConversion.WidenHalf(bits, wide);
        byte[] back = new byte[bits.Length];
        HalfConversion.NarrowToHalf(wide, back);
        for (int i = 0; i < 65536; i++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)i);
            Assert.True(
                expected.Equals(wide[i]) && float.IsNegative(expected) == float.IsNegative(wide[i]), $"0x{i:x4}");
            Assert.True(
                float.IsNaN(expected) || BinaryPrimitives.ReadUInt16LittleEndian(back.AsSpan(2 * i)) == i, $"0x{i:x4}");
        }
    }

    [Fact]
    public void Narrowing_agrees_with_the_runtime_on_a_million_patterns()
    {
        Random random = new(7);
        float[] values = new float[1 << 20];
        for (int i = 0; i < values.Length; i++)
        {
            // Half of them within the range of binary16, where rounding happens.
            uint exponent = i % 2 == 0 ? (uint)random.Next(256) : (uint)random.Next(100, 145);
            values[i] = BitConverter.UInt32BitsToSingle(
                ((uint)random.Next(2) << 31) | (exponent << 23)
                | (uint)random.Next(1 << 23) & (uint)(-1 << random.Next(14)));
        }

        byte[] narrow = new byte[2 * values.Length];
        HalfConversion.NarrowToHalf(values, narrow);
        for (int i = 0; i < values.Length; i++)
        {
            Half actual = BinaryPrimitives.ReadHalfLittleEndian(narrow.AsSpan(2 * i));
            Assert.True(((Half)values[i]).Equals(actual), $"{values[i]:r}");
        }
    }

    [Fact]
    public void Refuses_lengths_that_do_not_fit() => Assert.Equal(
        "3 16-bit elements need 6 bytes, got 4",
        Assert.Throws<ArgumentException>(() => HalfConversion.WidenHalf(new byte[4], new float[3])).Message);
}
