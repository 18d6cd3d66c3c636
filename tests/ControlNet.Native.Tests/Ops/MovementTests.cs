using System;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class MovementTests
{
    public static TheoryData<MovementCase> EdgeCases => [.. MovementCases.Edges()];

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Moves_every_element_to_its_place(MovementCase call)
    {
        using Device device = TestDevice.Open(threads: 3);
        using TensorScope scope = TensorScope.Enter();
        float[] x = [.. Enumerable.Range(0, (int)call.X.Count).Select(i => (float)i)];
        int[] ids = call.Call == MovementCall.Gather ? call.Ids : [0];

        Tensor y = call.Run(Tensor.From(device, call.X, x), Tensor.From(device, new Shape(ids.Length), ids));

        Assert.Equal(ReferenceMovement.Run(call, x, y.Shape), y.ToArray());
    }

    [Theory]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Gathers_widen_half_precision_tables(DType type)
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Tensor table = Ops.Cast(Tensor.From(device, new Shape(5, 19), Draw.Uniform(95)), type);
        Tensor ids = Tensor.From(device, new Shape(2, 2), [4, 0, 0, 3]);

        Tensor y = Ops.GatherRows(table, ids);

        Assert.Equal(new Shape(2, 2, 19), y.Shape);
        float[] widened = Ops.Cast(table, DType.F32).ToArray();
        Assert.Equal([.. widened[76..95], .. widened[..19], .. widened[..19], .. widened[57..76]], y.ToArray());
    }

    [Fact]
    public void Layouts_there_and_back_are_the_identity()
    {
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        float[] values = Draw.Uniform(2 * 4 * 33 * 17);
        Tensor x = Tensor.From(device, new Shape(2, 4, 33, 17), values);

        Tensor last = Ops.ToChannelsLast(x);

        Assert.Equal(new Shape(2, 33, 17, 4), last.Shape);
        Assert.Equal(values, Ops.ToChannelsFirst(last).ToArray());
    }

    [Fact]
    public void Refusals_name_both_values()
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Tensor x = Tensor.Zeros(device, new Shape(2, 3));

        Assert.Equal(
            "Permute: [0, 0] is not a permutation of the axes of x [2, 3]",
            Assert.Throws<ShapeException>(() => Ops.Permute(x, 0, 0)).Message);
        Assert.Equal(
            "Concat: [3, 3] does not fit [2, 3]; only axis 1 may differ",
            Assert.Throws<ShapeException>(() => Ops.Concat(1, x, Tensor.Zeros(device, new Shape(3, 3)))).Message);
        Assert.Equal("Concat: takes at least one tensor", Assert.Throws<ShapeException>(() => Ops.Concat(0)).Message);
        Assert.Equal(
            "Slice: members 1 to 4 of axis 1 do not all exist in x [2, 3]",
            Assert.Throws<ShapeException>(() => Ops.Slice(x, 1, 1, 3)).Message);
        Assert.Equal(
            "Slice: axis 2 does not exist in x [2, 3]",
            Assert.Throws<ShapeException>(() => Ops.Slice(x, 2, 0, 1)).Message);
        Assert.Equal(
            "UpsampleNearest: x must be [N, H, W, C], got [2, 3]",
            Assert.Throws<ShapeException>(() => Ops.UpsampleNearest(x, 4, 6)).Message);
        Assert.Equal(
            "UpsampleNearest: the target size must be positive, got 0 x 6",
            Assert.Throws<ShapeException>(
                () => Ops.UpsampleNearest(Tensor.Zeros(device, new Shape(1, 2, 3, 4)), 0, 6)).Message);
        Assert.Equal(
            "GatherRows: index 2 is not one of the 2 rows of table [2, 3]",
            Assert.Throws<ShapeException>(() => Ops.GatherRows(x, Tensor.From(device, new Shape(2), [1, 2]))).Message);
        Assert.Equal(
            "GatherRows: table must be [rows, C] and ids I32 of at most three axes, got F32 [2, 3] and F32 [2, 3]",
            Assert.Throws<ShapeException>(() => Ops.GatherRows(x, x)).Message);
    }
}
