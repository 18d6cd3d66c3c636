using System;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class MovementGradientTests
{
    public static TheoryData<MovementCase> EdgeCases =>
    [
        .. MovementCases.Edges(),
        new MovementCase("gather with repeats", MovementCall.Gather, new Shape(7, 33), 40),
        new MovementCase("gather in items", MovementCall.Gather, new Shape(300, 200), 90),
    ];

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Every_element_returns_to_its_place(MovementCase call)
    {
        (float[] dx, float[] dy, Shape result) = Run(call, threads: 3);
        Close.To(ReferenceMovement.Gradient(call, dy, result), dx, bound: 2e-7);
        foreach (int threads in (int[])[1, 2, 8])
        {
            Assert.Equal(dx, Run(call, threads).DX);
        }
    }

    /// <summary>Repeated rows are added in the order of the ids, so the rounding is theirs too.</summary>
    [Fact]
    public void Repeated_rows_are_added_in_order()
    {
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        Tensor ids = Tensor.From(device, new Shape(3), [1, 1, 1]);
        Tensor dy = Tensor.From(device, new Shape(3, 1), [16_777_216f, 1f, 1f]);
        Tensor table = Tensor.From(device, new Shape(3, 1), [7f, 7f, 7f]);
        device.Backend.Movement.GatherRowsBackward(1, ids.View, dy.View, table.View);
        Assert.Equal([0f, 16_777_216f, 0f], table.ToArray());
    }

    /// <summary>Padding with zeros is the gradient of cropping.</summary>
    [Fact]
    public void A_slice_taken_back_is_a_frame_of_zeros()
    {
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        Tensor x = Tensor.From(device, new Shape(2, 2), [1f, 2f, 3f, 4f]);
        Tensor padded = new(device.Backend, new Shape(3, 4));
        device.Backend.Movement.CopyRowsBackward(new CopyRowsDims(2, 2, 5, 4, 0, 2), x.View, padded.View);
        Assert.Equal([0f, 0f, 0f, 0f, 0f, 1f, 2f, 0f, 0f, 3f, 4f, 0f], padded.ToArray());
    }

    private static (float[] DX, float[] DY, Shape Result) Run(MovementCase call, int threads)
    {
        using Device device = TestDevice.Open(threads);
        using TensorScope scope = TensorScope.Enter();
        int[] ids = call.Call == MovementCall.Gather ? call.Ids : [0];
        Tensor atIds = Tensor.From(device, new Shape(ids.Length), ids);
        Shape result = call.Run(Tensor.Zeros(device, call.X), atIds).Shape;
        float[] upstream = Draw.Uniform(result.Count, seed: 9);
        Tensor dy = Tensor.From(device, result, upstream);

        // What was in the buffer before must not matter.
        Tensor dx = Tensor.From(device, call.X, [.. Enumerable.Repeat(float.NaN, (int)call.X.Count)]);
        IMovementKernels kernels = device.Backend.Movement;
        switch (call.Call)
        {
            case MovementCall.Permute:
                PermuteDims forward = PermuteDims.Infer(call.X, call.Arguments, out _);
                kernels.Permute(forward.Inverse(), dy.View, dx.View);
                break;
            case MovementCall.Concat: Concat(kernels, call, dy, dx); break;
            case MovementCall.Slice: kernels.CopyRowsBackward(SliceOf(call), dy.View, dx.View); break;
            case MovementCall.Upsample:
                UpsampleDims d = UpsampleDims.Infer(call.X, call.Arguments[0], call.Arguments[1]);
                kernels.UpsampleNearestBackward(d, dy.View, dx.View);
                break;
            case MovementCall.Gather:
                kernels.GatherRowsBackward(call.X[1], atIds.View, dy.View, dx.View);
                break;
            default: throw new ArgumentOutOfRangeException(nameof(call));
        }

        return (dx.ToArray(), upstream, result);
    }

    /// <summary>The case joins x, the first member of x, and x: two copies back, a slice back, and their sum.</summary>
    private static void Concat(IMovementKernels kernels, MovementCase call, Tensor dy, Tensor dx)
    {
        AxisDims axis = AxisDims.Infer("Concat", call.X, call.Arguments[0]);
        long length = axis.Length * axis.Inner, total = (2 * length) + axis.Inner;
        Tensor[] parts = [.. Enumerable.Range(0, 3).Select(_ => new Tensor(dx.Backend, dx.Shape))];
        CopyRowsDims first = new(axis.Outer, length, 0, length, 0, total);
        kernels.CopyRows(first.Inverse(), dy.View, parts[0].View);
        kernels.CopyRows((first with { TargetStart = length + axis.Inner }).Inverse(), dy.View, parts[2].View);
        kernels.CopyRowsBackward(
            new CopyRowsDims(axis.Outer, axis.Inner, 0, length, length, total), dy.View, parts[1].View);
        dx.Backend.Pointwise.LinearCombination([1, 1, 1], [.. parts.Select(p => p.View)], dx.View);
    }

    private static CopyRowsDims SliceOf(MovementCase call)
    {
        AxisDims axis = AxisDims.Infer("Slice", call.X, call.Arguments[0]);
        long length = call.Arguments[2] * axis.Inner;
        return new CopyRowsDims(
            axis.Outer, length, call.Arguments[1] * axis.Inner, axis.Length * axis.Inner, 0, length);
    }
}
