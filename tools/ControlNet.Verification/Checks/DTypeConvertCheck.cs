using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>
/// Converts the bit patterns of <c>ops/dtype_convert.safetensors</c> on the device, by the cast that weights go
/// through; all but NaN payloads must be exact.
/// </summary>
public sealed class DTypeConvertCheck : GoldenCheck
{
    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => ["ops/dtype_convert.safetensors"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        Device device = context.Device;
        yield return Widen(golden, "f16_bits", "f16_to_f32", device, DType.F16);
        yield return Widen(golden, "bf16_bits", "bf16_to_f32", device, DType.BF16);
        yield return Narrow(
            golden, "f32_to_f16_bits", device, DType.F16, bits => (float)BitConverter.UInt16BitsToHalf(bits));
        yield return Narrow(
            golden, "f32_to_bf16_bits", device, DType.BF16, bits => BitConverter.UInt32BitsToSingle((uint)bits << 16));

        // 8-bit floats are widened to binary16 when a file is read, and from there as F16 weights are.
        yield return Widen8(
            golden, "f8_e4m3_to_f32", device, Float8Conversion.WidenE4M3, Float8Conversion.E4M3ToHalf);
        yield return Widen8(
            golden, "f8_e5m2_to_f32", device, Float8Conversion.WidenE5M2, Float8Conversion.E5M2ToHalf);
    }

    private delegate void Widening8<T>(ReadOnlySpan<byte> source, Span<T> destination);

    private static GoldenResult Widen8(
        GoldenTensors golden, string name, Device device, Widening8<float> toSingle, Widening8<byte> toHalf)
    {
        ReadOnlySpan<byte> bits = golden["f8_bits"].Octets();
        float[] expected = golden[name].Floats(), single = new float[expected.Length];
        byte[] half = new byte[2 * expected.Length];
        toSingle(bits, single);
        toHalf(bits, half);
        using TensorScope scope = TensorScope.Enter();
        Tensor stored = Tensor.FromBytes(device, new Shape(expected.Length), DType.F16, half);
        float[] cast = Ops.Cast(stored, DType.F32).ToArray();
        return Count(
            name, expected.Length, i => SameValue(expected[i], single[i]) && SameValue(expected[i], cast[i]));
    }

    private static GoldenResult Widen(
        GoldenTensors golden, string bits, string name, Device device, DType type)
    {
        float[] expected = golden[name].Floats();
        using TensorScope scope = TensorScope.Enter();
        Tensor stored = Tensor.FromBytes(device, new Shape(expected.Length), type, golden[bits].Bytes.Span);
        float[] actual = Ops.Cast(stored, DType.F32).ToArray();
        return Count(name, expected.Length, i => SameValue(expected[i], actual[i]));
    }

    private static GoldenResult Narrow(
        GoldenTensors golden, string name, Device device, DType type, Func<ushort, float> widen)
    {
        ReadOnlyMemory<byte> expected = golden[name].Bytes;
        byte[] actual = new byte[expected.Length];
        float[] values = golden["f32_in"].Floats();
        using (TensorScope.Enter())
        {
            Ops.Cast(Tensor.From(device, new Shape(values.Length), values), type).CopyBytesTo(actual);
        }

        return Count(name, actual.Length / 2, i =>
        {
            ushort want = BinaryPrimitives.ReadUInt16LittleEndian(expected.Span[(2 * i)..]);
            ushort got = BinaryPrimitives.ReadUInt16LittleEndian(actual.AsSpan(2 * i));
            return want == got || (float.IsNaN(widen(want)) && float.IsNaN(widen(got)));
        });
    }

    private static bool SameValue(float a, float b) =>
        BitConverter.SingleToUInt32Bits(a) == BitConverter.SingleToUInt32Bits(b) || (float.IsNaN(a) && float.IsNaN(b));

    private static GoldenResult Count(string name, int count, Func<int, bool> same)
    {
        for (int i = 0; i < count; i++)
        {
            if (!same(i))
            {
                return GoldenResult.Exact(name, false, $"element {i} of {count} differs");
            }
        }

        return GoldenResult.Exact(name, count > 0, "the golden tensor is empty");
    }
}
