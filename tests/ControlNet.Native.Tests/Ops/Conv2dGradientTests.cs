using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class Conv2dGradientTests : IDisposable
{
    /// <summary>Largest error relative to the largest element; float32 accumulation in blocks.</summary>
    private const double Bound = 3e-6;

    private readonly Device _cpu = TestDevice.Open(2);

    public static TheoryData<Conv2dCase> Edges => [.. Conv2dCases.GradientEdges(), .. Conv2dCases.Edges()];

    public static TheoryData<Conv2dCase> Training => [.. Conv2dCases.Training()];

    public static TheoryData<Conv2dCase> Few => [.. Conv2dCases.GradientEdges().Take(8)];

    private IConv2dKernels Kernels => _cpu.Backend.Conv2d;

    public void Dispose() => _cpu.Dispose();

    [Theory]
    [MemberData(nameof(Edges))]
    public void The_gradient_of_x_is_its_definition(Conv2dCase c) => CheckDataGradient(c, addTensor: false);

    [Theory]
    [MemberData(nameof(Training))]
    public void The_gradient_of_x_is_its_definition_at_full_size(Conv2dCase c) =>
        CheckDataGradient(c, addTensor: true);

    [Theory]
    [MemberData(nameof(Edges))]
    public void The_gradient_of_the_weight_is_its_definition(Conv2dCase c) => CheckWeightGradient(c, accumulate: false);

    [Theory]
    [MemberData(nameof(Training))]
    public void The_gradient_of_the_weight_is_its_definition_at_full_size(Conv2dCase c) =>
        CheckWeightGradient(c, accumulate: true);

    [Theory]
    [MemberData(nameof(Few))]
    public void A_gradient_of_x_can_be_added_to_another(Conv2dCase c) => CheckDataGradient(c, addTensor: true);

    [Theory]
    [MemberData(nameof(Few))]
    public void A_gradient_of_the_weight_can_be_added_to_another(Conv2dCase c) =>
        CheckWeightGradient(c, accumulate: true);

    /// <summary>y is linear in x and in w, so differences of any size give the derivative.</summary>
    [Theory]
    [MemberData(nameof(Few))]
    public void The_definitions_are_differences_of_the_convolution(Conv2dCase c)
    {
        const float Step = 0.5f;
        float[] x = Inputs(c), w = Weights(c), dy = Gradients(c);
        double Loss() => Enumerable.Range(0, dy.Length).Sum(
            i => dy[i] * ReferenceConv2d.At(c, c.OutHeight, c.OutWidth, x, w, null, null, null, i));
        double Difference(float[] values, int at)
        {
            float before = values[at];
            values[at] = before + Step;
            double above = Loss();
            float upper = values[at];
            values[at] = before - Step;
            double difference = (above - Loss()) / ((double)upper - values[at]);
            values[at] = before;
            return difference;
        }

        foreach (int at in (int[])[0, x.Length / 3, x.Length - 1])
        {
            Assert.Equal(
                Difference(x, at), ReferenceConv2d.DataGradientAt(c, c.OutHeight, c.OutWidth, dy, w, null, at), 1e-9);
        }

        foreach (int at in (int[])[0, w.Length / 2, w.Length - 1])
        {
            Assert.Equal(
                Difference(w, at), ReferenceConv2d.WeightGradientAt(c, c.OutHeight, c.OutWidth, x, dy, null, at), 1e-9);
        }
    }

    [Theory]
    [InlineData(3, 1)]
    [InlineData(3, 2)]
    public void A_weight_of_16_bits_is_packed_without_another_rounding(int kernel, int stride)
    {
        Conv2dCase c = new(1, 7, 8, 40, 33, kernel, stride, Padding.All(kernel / 2));
        float[] dy = Gradients(c);
        foreach (DType type in (DType[])[DType.F16, DType.BF16])
        {
            using TensorScope scope = TensorScope.Enter();
            float[] w = RandomFloats.Rounded(Weights(c), type);
            Tensor rounded = Tensor.From(_cpu, WeightShape(c), w);
            float[] wide = DataGradient(c, rounded, DType.F32, dy, null);
            Assert.Equal(wide, DataGradient(c, rounded, type, dy, null));
            Assert.Equal(wide, DataGradient(c, Ops.Cast(rounded, type), type, dy, null));
            Assert.Equal(wide, DataGradient(c, Ops.Cast(rounded, type), DType.F32, dy, null));
        }
    }

    [Fact]
    public void Gradients_are_the_same_to_the_last_bit_for_every_number_of_threads()
    {
        Conv2dCase[] cases =
        [
            new(2, 30, 31, 50, 70, 3, 1, Padding.All(1)), new(2, 30, 31, 20, 33, 3, 2, Padding.All(1)),
            new(3, 64, 64, 5, 16, 3, 1, Padding.All(1)), new(4, 40, 50, 70, 20, 1, 1, default),
        ];
        foreach (Conv2dCase c in cases)
        {
            float[][] one = Both(1, c);
            foreach (int threads in (int[])[2, 3, 8])
            {
                float[][] several = Both(threads, c);
                Assert.True(one[0].AsSpan().SequenceEqual(several[0]), $"{c}: dx differs with {threads} threads");
                Assert.True(one[1].AsSpan().SequenceEqual(several[1]), $"{c}: dWeight differs with {threads} threads");
            }
        }
    }

    [Fact]
    public void Returns_what_it_borrows_to_the_pool()
    {
        using TensorScope scope = TensorScope.Enter();
        Conv2dCase c = new(2, 40, 40, 8, 16, 3, 2, Padding.All(1));
        Tensor w = Tensor.From(_cpu, WeightShape(c), Weights(c));
        long before = _cpu.BlocksInUse;
        DataGradient(c, w, DType.F32, Gradients(c), null);
        WeightGradient(_cpu, c, Inputs(c), Gradients(c), null);
        Assert.Equal(before, _cpu.BlocksInUse);
    }

    private static float[][] Both(int threads, Conv2dCase c)
    {
        using Device cpu = TestDevice.Open(threads);
        using TensorScope scope = TensorScope.Enter();
        return
        [
            DataGradient(cpu, c, Tensor.From(cpu, WeightShape(c), Weights(c)), DType.F32, Gradients(c), null),
            WeightGradient(cpu, c, Inputs(c), Gradients(c), null),
        ];
    }

    private void CheckDataGradient(Conv2dCase c, bool addTensor)
    {
        float[] w = RandomFloats.Rounded(Weights(c), c.Weights), dy = Gradients(c);
        float[]? added = addTensor ? RandomFloats.Uniform(ShapeOfX(c).Count, 5) : null;
        using TensorScope scope = TensorScope.Enter();
        float[] dx = DataGradient(c, Tensor.From(_cpu, WeightShape(c), w), c.Weights, dy, added);
        RandomFloats.Check(
            i => ReferenceConv2d.DataGradientAt(c, c.OutHeight, c.OutWidth, dy, w, added, i), dx, Bound);
    }

    private void CheckWeightGradient(Conv2dCase c, bool accumulate)
    {
        float[] x = Inputs(c), dy = Gradients(c);
        float[]? before = accumulate ? RandomFloats.Uniform(WeightShape(c).Count, 6) : null;
        float[] dWeight = WeightGradient(_cpu, c, x, dy, before);
        RandomFloats.Check(
            i => ReferenceConv2d.WeightGradientAt(c, c.OutHeight, c.OutWidth, x, dy, before, i), dWeight, Bound);
    }

    private float[] DataGradient(Conv2dCase c, Tensor w, DType storage, float[] dy, float[]? added) =>
        DataGradient(_cpu, c, w, storage, dy, added);

    /// <summary>A dx given to add to is also the result; else the result holds garbage before.</summary>
    private static float[] DataGradient(
        Device cpu, Conv2dCase c, Tensor w, DType storage, float[] dy, float[]? added)
    {
        IConv2dKernels kernels = cpu.Backend.Conv2d;
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = new(
            cpu.Backend, w.Shape, storage, kernels.PackedGradientCount(c.Out, c.In, c.Kernel, c.Stride));
        kernels.PackGradient(c.Out, c.In, c.Kernel, c.Stride, w.View, packed.View);
        Tensor dx = Tensor.From(cpu, ShapeOfX(c), added ?? Garbage(ShapeOfX(c)));
        Tensor gradient = Tensor.From(cpu, ShapeOfY(c), dy);
        kernels.DataGradient(Dims(c), gradient.View, packed.View, added is null ? default : dx.View, dx.View);
        return dx.ToArray();
    }

    private static float[] WeightGradient(Device cpu, Conv2dCase c, float[] x, float[] dy, float[]? before)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor dWeight = Tensor.From(cpu, WeightShape(c), before ?? Garbage(WeightShape(c)));
        cpu.Backend.Conv2d.WeightGradient(
            Dims(c), Tensor.From(cpu, ShapeOfX(c), x).View, Tensor.From(cpu, ShapeOfY(c), dy).View, before is not null,
            dWeight.View);
        return dWeight.ToArray();
    }

    private static float[] Garbage(Shape shape) => [.. Enumerable.Repeat(float.NaN, (int)shape.Count)];

    private static Conv2dDims Dims(Conv2dCase c) =>
        new(c.Batch, c.Height, c.Width, c.In, c.Out, c.Kernel, c.Stride, c.Padding, Activation.None);

    private static Shape ShapeOfX(Conv2dCase c) => new(c.Batch, c.Height, c.Width, c.In);

    private static Shape ShapeOfY(Conv2dCase c) => new(c.Batch, c.OutHeight, c.OutWidth, c.Out);

    private static Shape WeightShape(Conv2dCase c) => new(c.Out, c.In, c.Kernel, c.Kernel);

    private static float[] Inputs(Conv2dCase c) => RandomFloats.Uniform(ShapeOfX(c).Count, 1);

    private static float[] Weights(Conv2dCase c) => RandomFloats.Uniform(WeightShape(c).Count, 2);

    private static float[] Gradients(Conv2dCase c) => RandomFloats.Uniform(ShapeOfY(c).Count, 3);
}
