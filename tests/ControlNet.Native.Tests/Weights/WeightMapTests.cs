using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

public sealed class WeightMapTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(1);

    public void Dispose() => _device.Dispose();

    private static byte[] Bytes(params float[] values)
    {
        byte[] bytes = new byte[4 * values.Length];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        return bytes;
    }

    private static byte[] Half(params float[] values)
    {
        byte[] bytes = new byte[2 * values.Length];
        HalfConversion.NarrowToHalf(values, bytes);
        return bytes;
    }

    private WeightMap Map(DType? storage, params SafeTensorsItem[] items)
    {
        using MemoryStream stream = new();
        SafeTensorsWriter.Write(stream, items);
        SafeTensorsFile file = SafeTensorsFile.Open(stream.ToArray(), "m");
        Dictionary<string, WeightSlot> slots = file.Entries.Values.ToDictionary(
            e => e.Name, e => new WeightSlot(file, e));
        return new WeightMap(new ComponentWeights("m", slots), _device, storage);
    }

    [Fact]
    public void Prefixes_nest_and_are_asked_about()
    {
        WeightMap root = Map(null, new SafeTensorsItem("a.b.0.weight", "F32", [2], () => Bytes(1, 2)));
        WeightMap inner = root.In("a").In("b").In("0");
        Assert.Equal(("", "a.b.0"), (root.Path, inner.Path));
        Assert.True(inner.Has("weight") && root.HasAny("a.b.") && !inner.Has("bias") && !root.HasAny("a.c"));
        Assert.Equal([2], inner.ExtentsOf("weight"));
        using Tensor taken = inner.Take("weight", new Shape(2));
        Assert.Equal([1f, 2f], taken.ToArray());
    }

    [Fact]
    public void Every_readable_type_is_widened()
    {
        byte[] ids = new byte[16];
        ids[0] = 7;
        ids[8] = 9;
        byte[] doubles = [.. BitConverter.GetBytes(0.5), .. BitConverter.GetBytes(-3.0)];
        WeightMap map = Map(
            null, new("f16", "F16", [2], () => Half(0.5f, -3)),
            new("bf16", "BF16", [2], () => new byte[] { 0, 0x3F, 0x40, 0xC0 }),
            new("f64", "F64", [2], () => doubles), new("i64", "I64", [2], () => ids),
            new("e4m3", "F8_E4M3", [2], () => new byte[] { 0x30, 0xC4 }),
            new("e5m2", "F8_E5M2", [2], () => new byte[] { 0x38, 0xC2 }),
            new("u8", "U8", [2], () => new byte[2]));
        foreach ((string name, float[] expected) in new (string, float[])[]
        {
            ("f16", [0.5f, -3]), ("bf16", [0.5f, -3]), ("f64", [0.5f, -3]), ("i64", [7, 9]), ("e4m3", [0.5f, -3]),
            ("e5m2", [0.5f, -3]),
        })
        {
            using Tensor taken = map.Take(name, new Shape(2));
            Assert.Equal(expected, taken.ToArray());
        }

        Assert.Equal(
            "m: tensor 'u8' is U8; weights are read from F32, F16, BF16, F64, I64, F8_E4M3 or F8_E5M2",
            Assert.Throws<CheckpointException>(() => map.Take("u8", new Shape(2))).Message);
    }

    [Theory]
    [InlineData(null, DType.F16)]
    [InlineData(DType.F32, DType.F32)]
    [InlineData(DType.BF16, DType.BF16)]
    public void Storage_follows_the_file_unless_it_is_given(DType? storage, DType expected)
    {
        WeightMap map = Map(storage, new SafeTensorsItem("w", "F16", [2, 2], () => Half(1, 2, 3, 4)));
        using PackedWeight packed = map.TakeLinear("w", 2, 2);
        using Tensor table = map.TakeStored("w", new Shape(2, 2));
        using Tensor wide = map.Take("w", new Shape(2, 2));
        Assert.Equal((expected, expected, DType.F32), (packed.DType, table.DType, wide.DType));
        using Tensor x = Tensor.From(_device, new Shape(1, 2), [10f, 1f]);
        using Tensor y = Ops.Linear(x, packed);
        Assert.Equal([12f, 34f], y.ToArray());
    }

    [Fact]
    public void A_matrix_is_a_pointwise_convolution_and_the_other_way_round()
    {
        WeightMap map = Map(
            null, new SafeTensorsItem("matrix", "F32", [1, 2], () => Bytes(3, 4)),
            new SafeTensorsItem("conv", "F32", [1, 2, 1, 1], () => Bytes(3, 4)));
        foreach (string name in new[] { "matrix", "conv" })
        {
            using PackedWeight linear = map.TakeLinear(name, 1, 2);
            using PackedWeight conv = map.TakeConv2d(name, 1, 2, 1);
            Assert.Equal((new Shape(1, 2), new Shape(1, 2, 1, 1)), (linear.Shape, conv.Shape));
            using Tensor pixel = Tensor.From(_device, new Shape(1, 1, 1, 2), [1f, 10f]);
            using Tensor y = Ops.Conv2d(pixel, conv);
            Assert.Equal([43f], y.ToArray());
        }

        Assert.Throws<CheckpointException>(() => map.Take("conv", new Shape(1, 2)));
    }

    [Fact]
    public void Missing_weights_and_wrong_shapes_name_key_shapes_and_meaning()
    {
        WeightMap map = Map(null, new SafeTensorsItem("a.w", "F32", [2, 2], () => Bytes(1, 2, 3, 4))).In("a");
        Assert.Equal(
            "m: has no weight 'a.bias' [320], which the model needs; the file is incomplete or of another " +
            "architecture than its configuration says",
            Assert.Throws<CheckpointException>(() => map.Take("bias", new Shape(320))).Message);
        Assert.Equal(
            "m: weight 'a.w' is [2, 2], the model needs [4, 1]; the file is of another architecture than its " +
            "configuration says",
            Assert.Throws<CheckpointException>(() => map.TakeLinear("w", 4, 1)).Message);
        Assert.Throws<CheckpointException>(() => map.TakeConv2d("w", 2, 2, 3));
    }

    [Fact]
    public void What_is_taken_outlives_scopes_and_nothing_else_stays()
    {
        WeightMap map = Map(
            DType.F16, new SafeTensorsItem("w", "F32", [64, 64], () => new byte[4 * 64 * 64]),
            new SafeTensorsItem("b", "F16", [64], () => new byte[128]));
        Tensor bias;
        PackedWeight weight;
        using (TensorScope.Enter())
        {
            bias = map.Take("b", new Shape(64));
            weight = map.TakeLinear("w", 64, 64);
        }

        Assert.Equal(2, _device.BlocksInUse);
        Assert.Equal(new float[64], bias.ToArray());
        bias.Dispose();
        weight.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
    }

    [Fact]
    public void Loading_makes_no_second_copy_of_the_file()
    {
        string path = Path.GetTempFileName();
        try
        {
            const int edge = 1024;
            SafeTensorsWriter.Write(path, Enumerable.Range(0, 16).Select(
                i => new SafeTensorsItem($"w{i}", "F32", [edge, edge], () => new byte[4 * edge * edge])));
            using SafeTensorsFile file = SafeTensorsFile.Open(path);
            Dictionary<string, WeightSlot> slots = file.Entries.Values.ToDictionary(
                e => e.Name, e => new WeightSlot(file, e));
            WeightMap map = new(new ComponentWeights("m", slots), _device, null);
            List<PackedWeight> kept = [map.TakeLinear("w0", edge, edge)];
            long before = GC.GetAllocatedBytesForCurrentThread();
            kept.AddRange(Enumerable.Range(1, 15).Select(i => map.TakeLinear($"w{i}", edge, edge)));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
            Assert.Equal(kept.Sum(weight => weight.Bytes), _device.BytesInUse);
            kept.ForEach(weight => weight.Dispose());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Fused_rows_are_read_as_their_parts()
    {
        using MemoryStream stream = new();
        SafeTensorsWriter.Write(stream, [new SafeTensorsItem("qkv", "F32", [3, 2], () => Bytes(1, 2, 3, 4, 5, 6))]);
        using SafeTensorsFile file = SafeTensorsFile.Open(stream.ToArray());
        WeightSlot whole = new(file, file.Entries["qkv"]);
        Dictionary<string, WeightSlot> slots = new() { ["k"] = whole.Rows(1, 3), ["v"] = whole.Rows(2, 3) };
        WeightMap map = new(new ComponentWeights("m", slots), _device, null);
        using Tensor k = map.Take("k", new Shape(1, 2)), v = map.Take("v", new Shape(1, 2));
        Assert.Equal([3f, 4f, 5f, 6f], [.. k.ToArray(), .. v.ToArray()]);
    }
}
