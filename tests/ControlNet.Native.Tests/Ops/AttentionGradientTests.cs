using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class AttentionGradientTests
{
    /// <summary>Largest error relative to the largest element.</summary>
    private const double Bound = 4e-6;

    private const int MostKeysChecked = 12;

    public static TheoryData<AttentionCase> Edges => [.. AttentionCases.Edges()];

    /// <summary>The definition costs the square of the tokens; the VAE's head of 512 is left to the edges.</summary>
    public static TheoryData<AttentionCase> StableDiffusion15 =>
        [.. AttentionCases.StableDiffusion15().Where(c => c.HeadWidth < 512)];

    [Theory]
    [MemberData(nameof(Edges))]
    public void Is_its_definition(AttentionCase c) => CheckCase(c, allHeads: true, Bound);

    [Theory]
    [MemberData(nameof(StableDiffusion15))]
    public void Is_its_definition_at_full_size(AttentionCase c) => CheckCase(c, allHeads: false, Bound);

    /// <summary>Scores of some hundreds have an absolute error that an exponential makes a relative one.</summary>
    [Fact]
    public void Survives_scores_that_overflow_an_exponential() =>
        CheckCase(new AttentionCase(1, 2, 40, 300, 16, Scale: 40f), allHeads: true, 1e-4);

    [Fact]
    public void The_definition_is_the_slope_of_the_forward_definition()
    {
        AttentionCase c = new(1, 2, 5, 7, 3);
        (float[] q, float[] k, float[] v, float[] dy) = Values(c);
        for (int head = 0; head < c.Heads; head++)
        {
            int[] queries = [.. Enumerable.Range(0, c.Queries)], keys = [.. Enumerable.Range(0, c.Keys)];
            ReferenceAttention.HeadGradients expected = ReferenceAttention.Gradients(
                c, q, k, v, dy, 0, head, queries, keys);
            double Loss(float[] _) => queries.Sum(i => CentralDifferences.Loss(
                ReferenceAttention.Row(c, q, k, v, 0, head, i),
                dy.AsSpan((i * c.Heads * c.HeadWidth) + (head * c.HeadWidth), c.HeadWidth)));
            CentralDifferences.Check(Loss, q, Spread(c, expected.DQ, q.Length, head));
            CentralDifferences.Check(Loss, k, Spread(c, expected.DK, k.Length, head));
            CentralDifferences.Check(Loss, v, Spread(c, expected.DV, v.Length, head));
        }
    }

    [Fact]
    public void Only_what_is_wanted_is_written_and_it_is_the_same()
    {
        AttentionCase c = new(2, 3, 70, 77, 40);
        float[][] all = Backward(c, 2);
        for (int wanted = 0; wanted < 8; wanted++)
        {
            float[][] some = Backward(c, 2, wanted);
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal((wanted & (1 << i)) != 0 ? all[i] : [], some[i]);
            }
        }
    }

    [Theory]
    [InlineData(1, 1, 150, 700, 40, false)]
    [InlineData(2, 8, 130, 130, 24, true)]
    [InlineData(1, 3, 40, 300, 17, false)]
    public void Results_do_not_depend_on_the_number_of_threads(
        int batch, int heads, int queries, int keys, int width, bool causal)
    {
        AttentionCase c = new(batch, heads, queries, keys, width, causal);
        float[][] one = Backward(c, 1);
        foreach (int threads in (int[])[2, 3, 8])
        {
            Assert.Equal(one, Backward(c, threads));
        }
    }

    [Fact]
    public void Asking_for_the_sums_changes_nothing_else()
    {
        AttentionCase c = new(2, 2, 45, 150, 40);
        (float[] q, float[] k, float[] v, _) = Values(c);
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        using Call call = new(device, c, q, k, v);
        Assert.Equal(
            Ops.Attention(call.Q, call.K, call.V, c.Heads, c.Scale, c.Causal).ToArray(), call.Y.ToArray());
    }

    private static void CheckCase(AttentionCase c, bool allHeads, double bound)
    {
        (float[] q, float[] k, float[] v, float[] dy) = Values(c);
        float[][] actual = Backward(c, threads: 3);
        int units = c.Batch * c.Heads;
        for (int unit = allHeads ? 0 : units - 1; unit < units; unit++)
        {
            (int batch, int head) = Math.DivRem(unit, c.Heads);
            int[] queries = Chosen(c.Queries), keys = Chosen(c.Keys);
            ReferenceAttention.HeadGradients expected = ReferenceAttention.Gradients(
                c, q, k, v, dy, batch, head, queries, keys);
            CheckRows(c, c.Queries, batch, head, expected.DQ, actual[0], bound);
            CheckRows(c, c.Keys, batch, head, expected.DK, actual[1], bound);
            CheckRows(c, c.Keys, batch, head, expected.DV, actual[2], bound);
            for (int i = 0; i < c.Queries; i++)
            {
                double largest = actual[3][(2 * unit * c.Queries) + i];
                double logSum = actual[3][(((2 * unit) + 1) * c.Queries) + i];
                double error = Math.Abs(((largest + logSum) * Math.Log(2)) - expected.LogSumExp[i]);

                // The score rounds with its size, the float32 sum of the weights with its length.
                double allowed = (1e-6 * Math.Max(1, Math.Abs(largest))) + (2e-9 * c.Keys);
                Assert.True(error <= allowed, $"{c}: the sum of query {i} is off {error:e1}");
            }
        }
    }

    /// <summary>
    /// Gradients may cancel to nothing where a scale of 0 or a single key leaves no slope; then they must be tiny
    /// beside what they are made of, products of inputs up to 2.
    /// </summary>
    private static void CheckRows(
        AttentionCase c, int tokens, int batch, int head, Dictionary<int, double[]> expected, float[] actual,
        double bound)
    {
        double largest = expected.Values.SelectMany(row => row).Select(Math.Abs).DefaultIfEmpty(0).Max();
        foreach ((int token, double[] row) in expected)
        {
            int start = ((((batch * tokens) + token) * c.Heads) + head) * c.HeadWidth;
            for (int i = 0; i < row.Length; i++)
            {
                double error = Math.Abs(row[i] - actual[start + i]);
                Assert.True(
                    error <= Math.Max(bound * largest, 2e-6),
                    $"{c}, token {token}, channel {i}: expected {row[i]:g9}, got {actual[start + i]:g9}, largest " +
                    $"{largest:g3}");
            }
        }
    }

    private static int[] Chosen(int count) => count <= 400
        ? [.. Enumerable.Range(0, count)]
        : [0, count - 1, .. Enumerable.Range(1, MostKeysChecked).Select(i => (int)(i * 7919L % count))];

    private static double[] Spread(AttentionCase c, Dictionary<int, double[]> rows, int length, int head)
    {
        double[] all = new double[length];
        foreach ((int token, double[] row) in rows)
        {
            row.CopyTo(all, ((token * c.Heads) + head) * c.HeadWidth);
        }

        return all;
    }

    private static (float[] Q, float[] K, float[] V, float[] DY) Values(AttentionCase c)
    {
        long row = (long)c.Heads * c.HeadWidth;
        float[] q = RandomFloats.Uniform(c.Batch * c.Queries * row, 1);
        for (int i = 0; i < q.Length; i++)
        {
            q[i] *= 2;
        }

        return (q, RandomFloats.Uniform(c.Batch * c.Keys * row, 2), RandomFloats.Uniform(c.Batch * c.Keys * row, 3),
            RandomFloats.Uniform(c.Batch * c.Queries * row, 4));
    }

    /// <summary>dq, dk, dv and the sums; bits of <paramref name="wanted"/> choose among the first three.</summary>
    private static float[][] Backward(AttentionCase c, int threads, int wanted = 7)
    {
        (float[] q, float[] k, float[] v, float[] dy) = Values(c);
        using Device device = TestDevice.Open(threads);
        using TensorScope scope = TensorScope.Enter();
        using Call call = new(device, c, q, k, v);
        return [.. call.Backward(dy, wanted), call.Sums.ToArray()];
    }

    /// <summary>One forward call with its logarithms, and the backward call that belongs to it.</summary>
    internal sealed class Call : IDisposable
    {
        private readonly Device _device;
        private readonly AttentionDims _dims;

        public Call(Device device, AttentionCase c, float[] q, float[] k, float[] v)
        {
            _device = device;
            int channels = c.Heads * c.HeadWidth;
            Shape queries = new(c.Batch, c.Queries, channels), keys = new(c.Batch, c.Keys, channels);
            (Q, K, V) = (Tensor.From(device, queries, q), Tensor.From(device, keys, k), Tensor.From(device, keys, v));
            Y = new Tensor(device.Backend, queries);
            Sums = new Tensor(device.Backend, new Shape(c.Batch, c.Heads, 2, c.Queries));
            _dims = AttentionDims.Infer(queries, keys, keys, c.Heads, c.Scale, c.Causal);
            device.Backend.Attention.Forward(_dims, Q.View, K.View, V.View, Y.View, Sums.View);
        }

        public Tensor Q { get; }

        public Tensor K { get; }

        public Tensor V { get; }

        public Tensor Y { get; }

        public Tensor Sums { get; }

        public float[][] Backward(float[] dy, int wanted = 7)
        {
            Tensor upstream = Tensor.From(_device, Q.Shape, dy);
            Tensor[] results =
            [
                new Tensor(Q.Backend, Q.Shape), new Tensor(Q.Backend, K.Shape), new Tensor(Q.Backend, K.Shape),
            ];
            BufferView Wanted(int i) => (wanted & (1 << i)) != 0 ? results[i].View : BufferView.None;
            Q.Backend.Attention.Backward(
                _dims, Q.View, K.View, V.View, Y.View, Sums.View, upstream.View, Wanted(0), Wanted(1), Wanted(2));
            return [.. results.Select((r, i) => (wanted & (1 << i)) != 0 ? r.ToArray() : [])];
        }

        public void Dispose()
        {
            foreach (Tensor tensor in (Tensor[])[Q, K, V, Y, Sums])
            {
                tensor.Dispose();
            }
        }
    }
}
