using System;
using System.Threading;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class TensorTests
{
    [Fact]
    public void Views_share_memory_and_outlive_their_source()
    {
        using Device device = TestDevice.Open(threads: 1);
        float[] values = Draw.Uniform(24);
        Tensor x = Tensor.From(device, new Shape(4, 6), values);
        long before = device.BlocksInUse;
        using Tensor rows = x.Rows(1, 2);
        using Tensor reshaped = rows.Reshape(3, -1);
        Assert.Equal(before, device.BlocksInUse);

        x.Dispose();

        Assert.Equal(new Shape(2, 6), rows.Shape);
        Assert.Equal(new Shape(3, 4), reshaped.Shape);
        Assert.Equal(values[6..18], reshaped.ToArray());
        Assert.Throws<ObjectDisposedException>(() => x.ToArray());
    }

    [Fact]
    public void A_view_is_an_input_like_any_other()
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        float[] values = Draw.Uniform(60);
        Tensor x = Tensor.From(device, new Shape(3, 20), values);

        Assert.Equal(
            Ops.Activate(Tensor.From(device, new Shape(20), values.AsSpan(20, 20)), Activation.Silu).ToArray(),
            Ops.Activate(x.Rows(1, 1), Activation.Silu).ToArray());
    }

    [Fact]
    public void Refusals_name_both_values()
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Tensor x = Tensor.Zeros(device, new Shape(4, 6));

        Assert.Equal(
            "Reshape: [4, 6] has 24 elements, [5, 5] has 25",
            Assert.Throws<ShapeException>(() => x.Reshape(5, 5)).Message);
        Assert.Equal(
            "Rows: members 3 to 5 do not all exist in [4, 6]",
            Assert.Throws<ShapeException>(() => x.Rows(3, 2)).Message);
        Assert.Equal(
            "Tensor.From: F32 [2, 2] holds 16 bytes, got 12",
            Assert.Throws<ShapeException>(() => Tensor.From(device, new Shape(2, 2), [1f, 2f, 3f])).Message);
        Assert.Equal(
            "ToArray reads F32, the tensor is F16 [4, 6]; cast it first",
            Assert.Throws<InvalidOperationException>(() => Ops.Cast(x, DType.F16).ToArray()).Message);
    }

    [Fact]
    public void A_scope_frees_what_was_made_inside_it()
    {
        using Device device = TestDevice.Open(threads: 2);
        Tensor kept;
        using (TensorScope scope = TensorScope.Enter())
        {
            Tensor x = Tensor.From(device, new Shape(4, 6), Draw.Uniform(24));
            Tensor gamma = Tensor.Zeros(device, new Shape(6));
            for (int i = 0; i < 5; i++)
            {
                x = Ops.Add(Ops.LayerNorm(x, gamma, gamma), Ops.Softmax(x.Reshape(2, 12)).Reshape(4, 6));
            }

            Assert.True(device.BlocksInUse > 5);
            kept = scope.Keep(Ops.MeanSquaredError(x, x));
        }

        Assert.Equal(1, device.BlocksInUse);
        kept.Dispose();
        Assert.Equal(0, device.BlocksInUse);
        Assert.Equal(0, device.BytesInUse);
    }

    [Fact]
    public void A_detached_tensor_outlives_its_scope()
    {
        using Device device = TestDevice.Open(threads: 1);
        Tensor mine;
        using (TensorScope.Enter())
        {
            mine = Tensor.From(device, new Shape(2), [1f, 2f]).Detach();
        }

        Assert.Equal([1f, 2f], mine.ToArray());
        mine.Dispose();
        Assert.Equal(0, device.BlocksInUse);
    }

    [Fact]
    public void Keep_hands_a_tensor_to_the_scope_around()
    {
        using Device device = TestDevice.Open(threads: 1);
        using (TensorScope.Enter())
        {
            Tensor kept;
            using (TensorScope inner = TensorScope.Enter())
            {
                kept = inner.Keep(Tensor.From(device, new Shape(2), [1f, 2f]));
            }

            Assert.Equal([1f, 2f], kept.ToArray());
        }

        Assert.Equal(0, device.BlocksInUse);
    }

    [Fact]
    public void A_cancelled_scope_stops_at_the_next_op()
    {
        using Device device = TestDevice.Open(threads: 1);
        using CancellationTokenSource source = new();
        using (TensorScope.Enter(source.Token))
        {
            Tensor x = Tensor.From(device, new Shape(2), [1f, 2f]);
            _ = Ops.Scale(x, 2f);
            source.Cancel();
            Assert.Throws<OperationCanceledException>(() => Ops.Scale(x, 2f));
            using TensorScope inner = TensorScope.Enter();
            Assert.Throws<OperationCanceledException>(() => Ops.Activate(x, Activation.Silu));
        }

        Assert.Equal(0, device.BlocksInUse);
    }
}
