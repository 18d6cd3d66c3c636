using System;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

/// <summary>
/// What tiles of products in F16 must not do, whichever kernel makes them: lose a NaN, spread one to other rows, give
/// other bits on another run or for an image in another batch. Extents are such that tensor cores take them.
/// </summary>
public sealed class HalfTileTests : IDisposable
{
    private readonly Device _device = TestDevice.Open(2);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void A_nan_stays_in_its_row_of_a_linear_layer()
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        float[] x = HalfTensors.Rounded(RandomFloats.Uniform(70 * 40, 1));
        x[(33 * 40) + 39] = float.NaN;
        using PackedWeight packed = Pack(90, 40);

        float[] y = Ops.Linear(Halves(new Shape(70, 40), x), packed, activation: Activation.Gelu).Floats();

        Assert.All(y.Chunk(90).Index(), row => Assert.Equal(row.Index == 33, row.Item.All(float.IsNaN)));
        Assert.Equal(90, y.Count(float.IsNaN));
    }

    [Fact]
    public void A_nan_reaches_the_pixels_whose_taps_meet_it()
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        float[] x = HalfTensors.Rounded(RandomFloats.Uniform(9 * 11 * 16, 1));
        x[(((4 * 11) + 10) * 16) + 3] = float.NaN;
        using PackedWeight packed = Ops.PackConv2d(
            Tensor.From(_device, new Shape(20, 16, 3, 3), RandomFloats.Uniform(20 * 16 * 9, 2)), DType.F16);

        Tensor y = Ops.Conv2d(Halves(new Shape(1, 9, 11, 16), x), packed, null, 1, Padding.All(1));

        int[] pixels = [.. y.Floats().Chunk(20).Index().Where(p => p.Item.All(float.IsNaN)).Select(p => p.Index)];
        Assert.Equal([42, 43, 53, 54, 64, 65], pixels);
        Assert.Equal(6 * 20, y.Floats().Count(float.IsNaN));
    }

    [Fact]
    public void A_nan_of_a_query_stays_in_its_row_and_one_of_a_key_reaches_all()
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        float[] values = HalfTensors.Rounded(RandomFloats.Uniform(70 * 40, 1));
        float[] broken = [.. values];
        broken[(33 * 40) + 39] = float.NaN;
        Tensor whole = Halves(new Shape(1, 70, 40), values), with = Halves(new Shape(1, 70, 40), broken);

        float[] ofQuery = Ops.Attention(with, whole, whole, 1).Floats();
        Assert.All(ofQuery.Chunk(40).Index(), row => Assert.Equal(row.Index == 33, row.Item.All(float.IsNaN)));
        Assert.Equal(40, ofQuery.Count(float.IsNaN));
        Assert.All(Ops.Attention(whole, with, whole, 1).Floats(), v => Assert.True(float.IsNaN(v)));
    }

    [Fact]
    public void Bits_are_the_same_on_every_run_and_in_any_batch()
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor x = Halves(new Shape(3, 8, 8, 320), RandomFloats.Uniform(3 * 64 * 320, 1));
        using PackedWeight kernel = Ops.PackConv2d(
            Tensor.From(_device, new Shape(70, 320, 3, 3), RandomFloats.Uniform(70 * 320 * 9, 2)), DType.F16);
        using PackedWeight packed = Pack(200, 320);
        Func<Tensor, Tensor>[] calls =
        [
            t => Ops.Conv2d(t, kernel, null, 1, Padding.All(1)),
            t => Ops.Linear(t.Reshape(t.Shape[0] * 64, 320), packed).Reshape(t.Shape[0], 64, 200),
            t => Attend(t.Reshape(t.Shape[0], 64, 320)),
        ];
        foreach (Func<Tensor, Tensor> call in calls)
        {
            float[] y = call(x).Floats();
            Assert.Equal(y, call(x).Floats());
            int each = y.Length / 3;
            Assert.Equal(y[each..(2 * each)], call(x.Rows(1, 1)).Floats());
        }

        Tensor Attend(Tensor t) => Ops.Attention(t, t, t, 4);
    }

    private PackedWeight Pack(int outputs, int inputs) => Ops.PackLinear(
        Tensor.From(_device, new Shape(outputs, inputs), RandomFloats.Uniform(outputs * inputs, 5)), DType.F16);

    private Tensor Halves(Shape shape, float[] values) => HalfTensors.Tensor(_device, shape, values);
}
