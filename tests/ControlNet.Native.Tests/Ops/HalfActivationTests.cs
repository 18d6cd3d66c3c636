using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

/// <summary>
/// Every operation of inference on activations in F16, against its definition in double on the same inputs. A device
/// without them refuses, which <see cref="HalfRefusalTests"/> holds it to.
/// </summary>
public sealed class HalfActivationTests : IDisposable
{
    private readonly Device _device = TestDevice.Open(2);

    public static TheoryData<PointwiseCase> Pointwise =>
        [.. PointwiseCases.Edges().Where(call => call.Call != PointwiseCall.Half)];

    public static TheoryData<MovementCase> Movement => [.. MovementCases.Edges()];

    public static TheoryData<ReduceCase> Reduce => [.. ReduceCases.Edges()];

    public static TheoryData<GroupNormCase> Norms => [.. GroupNormCases.Edges()];

    public static TheoryData<LinearCase> Linear =>
        [.. MatMulCases.Edges().Where(c => c.Weights == DType.F32), .. MatMulCases.TensorCores()];

    public static TheoryData<ProductCase> Products => [.. MatMulCases.Products()];

    public static TheoryData<Conv2dCase> Convolutions =>
        [.. Conv2dCases.Edges().Where(c => c.Weights == DType.F32), .. Conv2dCases.TensorCores()];

    public static TheoryData<AttentionCase> Attention => [.. AttentionCases.Edges(), .. AttentionCases.TensorCores()];

    public void Dispose() => _device.Dispose();

    [Theory]
    [MemberData(nameof(Pointwise))]
    public void Pointwise_agrees_with_the_definition(PointwiseCase call)
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        float[] a = HalfTensors.Rounded(Draw.Uniform(call.A.Count, -1f, 8f));
        float[] b = HalfTensors.Rounded(Draw.Uniform(call.B.Count, seed: 2));

        Tensor y = call.Run(HalfTensors.Tensor(_device, call.A, a), HalfTensors.Tensor(_device, call.B, b));

        HalfTensors.Check(ReferencePointwise.Run(call, a, b, y.Shape), y);
    }

    [Theory]
    [MemberData(nameof(Movement))]
    public void Movement_is_exact(MovementCase call)
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        float[] x = [.. Enumerable.Range(0, (int)call.X.Count).Select(i => (float)(i % 2039))];
        int[] ids = call.Call == MovementCall.Gather ? call.Ids : [0];

        Tensor y = call.Run(
            HalfTensors.Tensor(_device, call.X, x), Tensor.From(_device, new Shape(ids.Length), ids));

        Assert.Equal(call.Call == MovementCall.Gather ? DType.F32 : DType.F16, y.DType);
        Assert.Equal(ReferenceMovement.Run(call, x, y.Shape), y.Floats());
    }

    [Theory]
    [MemberData(nameof(Reduce))]
    public void Reduce_agrees_with_the_definition(ReduceCase call)
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        float[] x = HalfTensors.Rounded(Draw.Uniform(call.X.Count, -4f, 4f));

        Tensor y = call.Run(HalfTensors.Tensor(_device, call.X, x));

        HalfTensors.Check(ReferenceReduce.Run(call, x), y);
    }

    [Theory]
    [MemberData(nameof(Norms))]
    public void Norms_agree_with_the_definition(GroupNormCase call)
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        int width = call.X[-1];
        float[] x = HalfTensors.Rounded(Draw.Uniform(call.X.Count, -1f, 3f));
        float[] gamma = Draw.Uniform(width, seed: 2), beta = Draw.Uniform(width, seed: 3);
        float[] shifted = HalfTensors.Rounded([.. x.Select(v => v + 100)]);
        Tensor g = Tensor.From(_device, new Shape(width), gamma), b = Tensor.From(_device, new Shape(width), beta);
        foreach (float[] values in (float[][])[x, shifted])
        {
            Tensor y = call.Run(HalfTensors.Tensor(_device, call.X, values), g, b);
            HalfTensors.Check(ReferenceGroupNorm.Forward(call, values, gamma, beta, eps: 1e-5), y);
        }
    }

    [Theory]
    [MemberData(nameof(Linear))]
    public void Linear_is_its_definition(LinearCase c)
    {
        if (!_device.HasHalves())
        {
            return;
        }

        float[] x = HalfTensors.Rounded(RandomFloats.Uniform((long)c.Rows * c.In, 1));
        float[] w = HalfTensors.Rounded(RandomFloats.Uniform((long)c.Out * c.In, 2));
        float[]? bias = c.Bias ? RandomFloats.Uniform(c.Out, 3) : null;
        float[]? added =
            c.AddTensor ? HalfTensors.Rounded(RandomFloats.Uniform((long)c.Rows * c.Out, 4)) : null;
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackLinear(Tensor.From(_device, new Shape(c.Out, c.In), w), DType.F16);
        Tensor? b = bias is null ? null : Tensor.From(_device, new Shape(c.Out), bias);

        // What goes in and what comes out are each of both types, as at the ends of a network.
        foreach ((DType of, DType result) in ((DType, DType)[])[
            (DType.F16, DType.F16), (DType.F16, DType.F32), (DType.F32, DType.F16)])
        {
            Tensor y = Ops.Linear(
                HalfTensors.Tensor(_device, new Shape(c.Rows, c.In), x, of), packed, b, c.Activation,
                added is null ? null : HalfTensors.Tensor(_device, new Shape(c.Rows, c.Out), added, result), result);
            Assert.Equal(result, y.DType);
            HalfTensors.Check(
                i => ReferenceMatMul.Linear(x, w, bias, added, c.In, c.Out, c.Activation, i), y.Floats());
        }
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void Product_is_its_definition(ProductCase c)
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        float[] a = HalfTensors.Rounded(RandomFloats.Uniform(c.A.Count, 1));
        float[] b = HalfTensors.Rounded(RandomFloats.Uniform(c.B.Count, 2));
        Tensor y = Ops.MatMul(
            HalfTensors.Tensor(_device, c.A, a), HalfTensors.Tensor(_device, c.B, b), c.TransposeA, c.TransposeB,
            c.Scale);
        Assert.Equal(DType.F16, y.DType);
        HalfTensors.Check(
            i => ReferenceMatMul.Product(a, c.A, c.TransposeA, b, c.B, c.TransposeB, c.Scale, y.Shape, i),
            y.Floats());
    }

    [Theory]
    [MemberData(nameof(Convolutions))]
    public void Convolution_is_its_definition(Conv2dCase c)
    {
        if (_device.HasHalves())
        {
            Conv2dRun run = new(c with { Weights = DType.F16 }, DType.F16);
            HalfTensors.Check(run.At, run.On(_device));
            HalfTensors.Check(run.At, run.On(_device, result: DType.F32));
        }
    }

    [Theory]
    [MemberData(nameof(Attention))]
    public void Attention_is_its_definition(AttentionCase c)
    {
        if (_device.HasHalves())
        {
            CheckAttention(c, 1f);
        }
    }

    /// <summary>The largest half is 65504. Scores of Stable Diffusion 2.x are beyond it, as most of these.</summary>
    [Fact]
    public void Scores_beyond_the_largest_half_are_no_nan()
    {
        if (_device.HasHalves())
        {
            CheckAttention(new AttentionCase(1, 2, 40, 77, 40), 600f);
            CheckAttention(new AttentionCase(1, 1, 77, 77, 64, Causal: true), 600f);
        }
    }

    [Fact]
    public void Sums_beyond_the_largest_half_stay_there_and_a_nan_stays_one()
    {
        if (!_device.HasHalves())
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor x = HalfTensors.Tensor(_device, new Shape(3), [60_000f, -60_000f, float.NaN]);
        float[] y = Ops.Add(x, x).Floats();
        Assert.Equal([65_504f, -65_504f], y[..2]);
        Assert.True(float.IsNaN(y[2]));
        using PackedWeight packed = Ops.PackLinear(Tensor.From(_device, new Shape(1, 1), [4f]), DType.F16);
        Assert.Equal([65_504f], Ops.Linear(x.Rows(0, 1).Reshape(1, 1), packed).Floats());
        Assert.Equal([240_000f], Ops.Linear(x.Rows(0, 1).Reshape(1, 1), packed, result: DType.F32).Floats());
    }

    private void CheckAttention(AttentionCase c, float amplitude)
    {
        using TensorScope scope = TensorScope.Enter();
        int channels = c.Heads * c.HeadWidth;
        Shape queries = new(c.Batch, c.Queries, channels), keys = new(c.Batch, c.Keys, channels);
        float[] Values(Shape shape, int seed, float scale) =>
            HalfTensors.Rounded([.. RandomFloats.Uniform(shape.Count, seed).Select(value => value * scale)]);
        float[] q = Values(queries, 1, amplitude), k = Values(keys, 2, amplitude), v = Values(keys, 3, 1);

        Tensor y = Ops.Attention(
            HalfTensors.Tensor(_device, queries, q), HalfTensors.Tensor(_device, keys, k),
            HalfTensors.Tensor(_device, keys, v), c.Heads, c.Scale, c.Causal);

        Assert.Equal(DType.F16, y.DType);
        float[] all = y.Floats();
        List<double> expected = [];
        List<float> actual = [];
        for (int row = 0; row < c.Batch * c.Heads * c.Queries; row += 1 + (row / 16))
        {
            int query = row % c.Queries, head = row / c.Queries % c.Heads, batch = row / c.Queries / c.Heads;
            expected.AddRange(ReferenceAttention.Row(c, q, k, v, batch, head, query));
            int start = (((batch * c.Queries) + query) * channels) + (head * c.HeadWidth);
            actual.AddRange(all[start..(start + c.HeadWidth)]);
        }

        Assert.DoesNotContain(all, float.IsNaN);
        HalfTensors.Check([.. expected], [.. actual]);
    }
}
