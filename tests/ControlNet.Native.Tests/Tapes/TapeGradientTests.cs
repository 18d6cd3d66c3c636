using System;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Tapes;

/// <summary>Every differentiable operation through the tape, for every input.</summary>
public sealed class TapeGradientTests
{
    public static TheoryData<Conv2dCase> Convolutions =>
    [
        new(2, 5, 4, 3, 4, 3, 1, Padding.All(1), AddRow: true, AddTensor: true),
        new(2, 5, 4, 3, 4, 3, 1, Padding.All(1), Activation: Activation.Silu, AddRow: true, AddTensor: true),
        new(1, 6, 7, 5, 3, 3, 2, Padding.All(1), Activation: Activation.Gelu),
        new(1, 5, 6, 4, 5, 3, 2, new Padding(0, 1, 0, 1), AddTensor: true),
        new(2, 3, 3, 6, 5, 1, 1, default, Bias: false),
        new(1, 4, 4, 3, 4, 3, 1, Padding.All(1), DType.F16, Activation.QuickGelu, AddRow: true, AddTensor: true),
        new(1, 4, 4, 3, 4, 3, 2, Padding.All(1), DType.BF16),
    ];

    public static TheoryData<LinearCase> LinearLayers =>
    [
        new(6, 5, 7, AddTensor: true),
        new(6, 5, 7, Activation: Activation.Silu, AddTensor: true),
        new(1, 9, 3, Bias: false),
        new(4, 5, 6, DType.F16, Activation.Gelu, AddTensor: true),
        new(4, 5, 6, DType.BF16, Activation.QuickGelu),
    ];

    public static TheoryData<LinearCase> GatedLayers =>
        [new(6, 5, 14), new(1, 9, 4, Bias: false), new(4, 5, 6, DType.F16)];

    public static TheoryData<ProductCase> Products =>
    [
        .. from transposeA in (bool[])[false, true]
           from transposeB in (bool[])[false, true]
           from shapes in new (int[] A, int[] B)[]
           {
               ([3, 4], [4, 5]), ([2, 1, 3, 4], [3, 4, 5]), ([2, 3, 4], [1, 4, 5]),
           }
           select new ProductCase(
               Swapped(shapes.A, transposeA), Swapped(shapes.B, transposeB), transposeA, transposeB, 0.75f),
    ];

    public static TheoryData<GroupNormCase> Norms =>
    [
        new("plain", new Shape(2, 3, 2, 8), 4),
        new("silu", new Shape(2, 3, 2, 8), 2, Activation.Silu),
        new("layer", new Shape(5, 7)),
    ];

    public static TheoryData<AttentionCase> Attentions =>
        [new(2, 2, 3, 5, 4), new(1, 3, 4, 4, 5, Causal: true), new(1, 1, 1, 6, 3, Scale: 0.3f)];

    public static TheoryData<PointwiseCase> Pointwise =>
    [
        new("silu", PointwiseCall.Silu, new Shape(3, 5)), new("gelu", PointwiseCall.Gelu, new Shape(3, 5)),
        new("quick", PointwiseCall.QuickGelu, new Shape(3, 5)), new("geglu", PointwiseCall.Geglu, new Shape(3, 6)),
        new("gelu tanh", PointwiseCall.GeluTanh, new Shape(3, 5)),
        new("sigmoid", PointwiseCall.Sigmoid, new Shape(3, 5)), new("relu", PointwiseCall.Relu, new Shape(3, 5)),
        new("tanh", PointwiseCall.Tanh, new Shape(3, 5)),
        new("combine", PointwiseCall.Combine, new Shape(3, 5), new Shape(3, 5)),
        .. from call in new[] { PointwiseCall.Add, PointwiseCall.Subtract, PointwiseCall.Multiply }
           from shapes in new (int[] A, int[] B)[]
           {
               ([3, 4], [3, 4]), ([2, 3, 4], [4]), ([2, 3, 4], [2, 1, 4]), ([3, 1], [3, 4]), ([3, 4], [1]),
           }
           select new PointwiseCase("broadcast", call, new Shape(shapes.A), new Shape(shapes.B)),
    ];

    public static TheoryData<ReduceCase> Reductions =>
    [
        .. from call in new[] { ReduceCall.Sum, ReduceCall.Mean, ReduceCall.Softmax }
           from axis in new[] { 0, 1, -1 }
           select new ReduceCase("axis", call, new Shape(3, 4, 2), axis),
    ];

    public static TheoryData<MovementCase> Movements =>
    [
        new("permute", MovementCall.Permute, new Shape(2, 3, 2, 4), 2, 0, 3, 1),
        new("concat", MovementCall.Concat, new Shape(2, 3, 4), 1),
        new("concat last", MovementCall.Concat, new Shape(2, 3, 4), -1),
        new("slice", MovementCall.Slice, new Shape(2, 5, 3), 1, 2, 2),
        new("upsample", MovementCall.Upsample, new Shape(2, 2, 3, 4), 5, 6),
        new("drop", MovementCall.Upsample, new Shape(1, 5, 4, 2), 3, 2),
        new("gather", MovementCall.Gather, new Shape(5, 3), 9),
    ];

    [Theory]
    [MemberData(nameof(Convolutions))]
    public void Convolution(Conv2dCase c)
    {
        bool frozen = c.Weights != DType.F32;
        Shape image = new(c.Batch, c.OutHeight, c.OutWidth, c.Out), kernel = new(c.Out, c.In, c.Kernel, c.Kernel);
        float[] stored = RandomFloats.Rounded(RandomFloats.Uniform(kernel.Count, 77), c.Weights);
        (string Name, bool Present, Shape Shape)[] all =
        [
            ("x", true, new Shape(c.Batch, c.Height, c.Width, c.In)), ("weight", !frozen, kernel),
            ("bias", c.Bias, new Shape(c.Out)), ("row", c.AddRow, new Shape(c.Batch, c.Out)),
            ("tensor", c.AddTensor, image),
        ];
        (string Name, bool Present, Shape Shape)[] present = [.. all.Where(input => input.Present)];
        T? Of<T>(T[] inputs, string name) where T : class
        {
            int at = Array.FindIndex(present, input => input.Name == name);
            return at < 0 ? null : inputs[at];
        }

        TapeRun.Check(
            t => Ops.Conv2d(
                t[0], Of(t, "weight") ?? Ops.Cast(t[0].Beside(kernel, stored), c.Weights), Of(t, "bias"), c.Stride,
                c.Padding, c.Activation, Of(t, "row"), Of(t, "tensor")),
            v => [.. Enumerable.Range(0, (int)image.Count).Select(i => ReferenceConv2d.At(
                c, c.OutHeight, c.OutWidth, v[0], Of(v, "weight") ?? stored, Of(v, "bias"), Of(v, "row"),
                Of(v, "tensor"), i))],
            [.. present.Select(input => input.Shape)]);
    }

    [Theory]
    [MemberData(nameof(LinearLayers))]
    public void Linear(LinearCase c)
    {
        bool frozen = c.Weights != DType.F32;
        Shape matrix = new(c.Out, c.In);
        float[] stored = RandomFloats.Rounded(RandomFloats.Uniform(matrix.Count, 77), c.Weights);
        (string Name, bool Present, Shape Shape)[] all =
        [
            ("x", true, new Shape(c.Rows, 1, c.In)), ("weight", !frozen, matrix), ("bias", c.Bias, new Shape(c.Out)),
            ("tensor", c.AddTensor, new Shape(c.Rows, c.Out)),
        ];
        (string Name, bool Present, Shape Shape)[] present = [.. all.Where(input => input.Present)];
        T? Of<T>(T[] inputs, string name) where T : class
        {
            int at = Array.FindIndex(present, input => input.Name == name);
            return at < 0 ? null : inputs[at];
        }

        TapeRun.Check(
            t => Ops.Linear(
                t[0], Of(t, "weight") ?? Ops.Cast(t[0].Beside(matrix, stored), c.Weights), Of(t, "bias"), c.Activation,
                Of(t, "tensor")),
            v => [.. Enumerable.Range(0, c.Rows * c.Out).Select(i => ReferenceMatMul.Linear(
                v[0], Of(v, "weight") ?? stored, Of(v, "bias"), Of(v, "tensor"), c.In, c.Out, c.Activation, i))],
            [.. present.Select(input => input.Shape)]);
    }

    [Theory]
    [MemberData(nameof(GatedLayers))]
    public void Linear_with_gated_gelu(LinearCase c)
    {
        Shape matrix = new(c.Out, c.In);
        float[] stored = RandomFloats.Rounded(RandomFloats.Uniform(matrix.Count, 77), c.Weights);
        bool frozen = c.Weights != DType.F32;
        (bool Present, Shape Shape)[] inputs =
            [(true, new Shape(c.Rows, 1, c.In)), (!frozen, matrix), (c.Bias, new Shape(c.Out))];
        TapeRun.Check(
            t => Ops.LinearGeglu(
                t[0], frozen ? Ops.Cast(t[0].Beside(matrix, stored), c.Weights) : t[1], c.Bias ? t[^1] : null),
            v => [.. Enumerable.Range(0, c.Rows * c.Out / 2).Select(i => ReferenceMatMul.LinearGeglu(
                v[0], frozen ? stored : v[1], c.Bias ? v[^1] : null, c.In, c.Out, i))],
            [.. inputs.Where(input => input.Present).Select(input => input.Shape)]);
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void Product(ProductCase c)
    {
        Shape result = default;
        TapeRun.Check(
            t =>
            {
                Tensor y = Ops.MatMul(t[0], t[1], c.TransposeA, c.TransposeB, c.Scale);
                result = y.Shape;
                return y;
            },
            v => [.. Enumerable.Range(0, (int)result.Count).Select(i => ReferenceMatMul.Product(
                v[0], c.A, c.TransposeA, v[1], c.B, c.TransposeB, c.Scale, result, i))],
            [c.A, c.B]);
    }

    [Theory]
    [MemberData(nameof(Norms))]
    public void Norm(GroupNormCase c) => TapeRun.Check(
        t => c.Run(t[0], t[1], t[2]), v => ReferenceGroupNorm.Forward(c, v[0], v[1], v[2], 1e-5f),
        [c.X, new Shape(c.X[-1]), new Shape(c.X[-1])], bound: 3e-3);

    [Theory]
    [MemberData(nameof(Attentions))]
    public void Attention(AttentionCase c)
    {
        int channels = c.Heads * c.HeadWidth;
        Shape keys = new(c.Batch, c.Keys, channels);
        TapeRun.Check(
            t => Ops.Attention(t[0], t[1], t[2], c.Heads, c.Scale, c.Causal),
            v => [.. from n in Enumerable.Range(0, c.Batch)
                     from query in Enumerable.Range(0, c.Queries)
                     from head in Enumerable.Range(0, c.Heads)
                     from value in ReferenceAttention.Row(c, v[0], v[1], v[2], n, head, query)
                     select value],
            [new Shape(c.Batch, c.Queries, channels), keys, keys]);
    }

    [Theory]
    [MemberData(nameof(Pointwise))]
    public void Element_by_element(PointwiseCase c)
    {
        Shape result = default;
        TapeRun.Check(
            t =>
            {
                Tensor y = c.Run(t[0], t[^1]);
                result = y.Shape;
                return y;
            },
            v => ReferencePointwise.Run(c, v[0], v[^1], result), c.TakesTwo ? [c.A, c.B] : [c.A]);
    }

    [Theory]
    [MemberData(nameof(Reductions))]
    public void Reduction(ReduceCase c) => TapeRun.Check(t => c.Run(t[0]), v => ReferenceReduce.Run(c, v[0]), [c.X]);

    [Theory]
    [MemberData(nameof(Movements))]
    public void Movement(MovementCase c)
    {
        Shape result = default;
        TapeRun.Check(
            t =>
            {
                using Tensor ids = c.Call == MovementCall.Gather
                    ? t[0].Beside(new Shape(c.Ids.Length), c.Ids)
                    : t[0].Reshape(-1);
                Tensor y = c.Run(t[0], ids);
                result = y.Shape;
                return y;
            },
            v => [.. ReferenceMovement.Run(c, v[0], result).Select(value => (double)value)], [c.X]);
    }

    [Fact]
    public void Squared_error() => TapeRun.Check(
        t => Ops.MeanSquaredError(t[0], t[1]),
        v => [v[0].Zip(v[1], (x, target) => Math.Pow((double)x - target, 2)).Average()],
        [new Shape(3, 4), new Shape(3, 4)]);

    [Fact]
    public void Layouts_and_scale() => TapeRun.Check(
        t => Ops.Scale(Ops.ToChannelsFirst(Ops.ToChannelsLast(t[0])), -2.5f), v => [.. v[0].Select(x => -2.5 * x)],
        [new Shape(2, 3, 2, 5)]);

    /// <summary>Rows of rows of a reshaped tensor, beside one used whole: views lead to the same gradient.</summary>
    [Fact]
    public void Views() => TapeRun.Check(
        t =>
        {
            Tensor flat = t[0].Reshape(6, 2);
            Tensor rows = flat.Rows(1, 4).Rows(1, 2).Reshape(4);
            return Ops.Multiply(rows, flat.Rows(3, 2).Reshape(4));
        },
        v => [.. Enumerable.Range(0, 4).Select(i => (double)v[0][4 + i] * v[0][6 + i])], [new Shape(3, 4)]);

    private static Shape Swapped(int[] extents, bool transposed) => transposed
        ? new Shape([.. extents[..^2], extents[^1], extents[^2]])
        : new Shape(extents);
}
