using System;
using System.Collections.Generic;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class AttentionTests : IDisposable
{
    /// <summary>Largest error relative to the largest element.</summary>
    private const double Bound = 3e-6;

    private const int MostRowsChecked = 40;

    private readonly Device _cpu = TestDevice.Open(2);

    public static TheoryData<AttentionCase> Edges => [.. AttentionCases.Edges()];

    public static TheoryData<AttentionCase> StableDiffusion15 => [.. AttentionCases.StableDiffusion15()];

    public void Dispose() => _cpu.Dispose();

    [Theory]
    [MemberData(nameof(Edges))]
    public void Is_its_definition(AttentionCase c) => CheckCase(c, 2f, Bound);

    [Theory]
    [MemberData(nameof(StableDiffusion15))]
    public void Is_its_definition_at_full_size(AttentionCase c) => CheckCase(c, 2f, Bound);

    /// <summary>
    /// A score of 600 has an absolute error of 2e-5 in float32, and an exponential makes that a relative one.
    /// </summary>
    [Fact]
    public void Survives_scores_that_overflow_an_exponential() =>
        CheckCase(new AttentionCase(1, 2, 40, 300, 16, Scale: 40f), 4f, 4e-5);

    [Fact]
    public void A_causal_query_ignores_what_comes_after_it()
    {
        using TensorScope scope = TensorScope.Enter();
        float[] q = RandomFloats.Uniform(50 * 8, 1), k = RandomFloats.Uniform(50 * 8, 2),
            v = RandomFloats.Uniform(50 * 8, 3);
        float[] first = Forward(new AttentionCase(1, 1, 50, 50, 8, Causal: true), q, k, v);
        for (int i = 40 * 8; i < v.Length; i++)
        {
            (k[i], v[i]) = (1e3f, -1e3f);
        }

        float[] second = Forward(new AttentionCase(1, 1, 50, 50, 8, Causal: true), q, k, v);
        Assert.Equal(first.AsSpan(0, 40 * 8), second.AsSpan(0, 40 * 8));
    }

    [Fact]
    public void Refuses_what_does_not_fit()
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor q = Tensor.Zeros(_cpu, new Shape(1, 4, 6)), k = Tensor.Zeros(_cpu, new Shape(1, 5, 6));
        Assert.Equal(
            "Attention: 4 heads do not divide the 6 channels of q [1, 4, 6]",
            Assert.Throws<ShapeException>(() => Ops.Attention(q, k, k, 4)).Message);
        Assert.Equal(
            "Attention: the causal mask needs as many queries as keys, got 4 and 5",
            Assert.Throws<ShapeException>(() => Ops.Attention(q, k, k, 2, causal: true)).Message);
        Assert.Equal(
            "Attention: v must have the shape of k [1, 5, 6], got [1, 4, 6]",
            Assert.Throws<ShapeException>(() => Ops.Attention(q, k, q, 2)).Message);
    }

    private void CheckCase(AttentionCase c, float amplitude, double bound)
    {
        int channels = c.Heads * c.HeadWidth;
        float[] q = RandomFloats.Uniform((long)c.Batch * c.Queries * channels, 1);
        float[] k = RandomFloats.Uniform((long)c.Batch * c.Keys * channels, 2);
        float[] v = RandomFloats.Uniform((long)c.Batch * c.Keys * channels, 3);
        for (int i = 0; i < q.Length; i++)
        {
            q[i] *= amplitude;
        }

        float[] y = Forward(c, q, k, v);
        Assert.Equal(q.Length, y.Length);
        List<double> expected = [];
        List<float> actual = [];
        long rows = (long)c.Batch * c.Heads * c.Queries;
        for (long i = 0; i < Math.Min(rows, MostRowsChecked); i++)
        {
            // The last row first, then steps that share no factor with the extents.
            long row = rows <= MostRowsChecked ? i : (rows - 1 - (i * 7919 % rows) + rows) % rows;
            int query = (int)(row % c.Queries), head = (int)(row / c.Queries % c.Heads),
                batch = (int)(row / c.Queries / c.Heads);
            expected.AddRange(ReferenceAttention.Row(c, q, k, v, batch, head, query));
            int start = (((batch * c.Queries) + query) * channels) + (head * c.HeadWidth);
            actual.AddRange(y[start..(start + c.HeadWidth)]);
        }

        Close.To(expected.ToArray(), actual.ToArray(), bound);
    }

    private float[] Forward(AttentionCase c, float[] q, float[] k, float[] v)
    {
        using TensorScope scope = TensorScope.Enter();
        Shape queries = new(c.Batch, c.Queries, c.Heads * c.HeadWidth),
            keys = new(c.Batch, c.Keys, c.Heads * c.HeadWidth);
        return Ops.Attention(
            Tensor.From(_cpu, queries, q), Tensor.From(_cpu, keys, k), Tensor.From(_cpu, keys, v),
            c.Heads, c.Scale, c.Causal).ToArray();
    }
}
