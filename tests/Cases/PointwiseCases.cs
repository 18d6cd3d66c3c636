using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Cases;

/// <summary>The pointwise operations as cases name them.</summary>
public enum PointwiseCall
{
    /// <summary>SiLU of a.</summary>
    Silu,

    /// <summary>GELU of a.</summary>
    Gelu,

    /// <summary>The sigmoid approximation of GELU of a.</summary>
    QuickGelu,

    /// <summary>The tanh approximation of GELU of a.</summary>
    GeluTanh,

    /// <summary>The sigmoid of a.</summary>
    Sigmoid,

    /// <summary>ReLU of a.</summary>
    Relu,

    /// <summary>tanh of a.</summary>
    Tanh,

    /// <summary>a + b, broadcast.</summary>
    Add,

    /// <summary>a - b, broadcast.</summary>
    Subtract,

    /// <summary>a b, broadcast.</summary>
    Multiply,

    /// <summary>The first half of a row of a times the GELU of the second.</summary>
    Geglu,

    /// <summary>7.5 a - 6.5 b: guidance.</summary>
    Combine,

    /// <summary>a in binary16 and back.</summary>
    Half,
}

/// <summary>One pointwise call: what the tests check and the benchmark times.</summary>
/// <param name="Name">Where it comes from; the row label of test and benchmark reports.</param>
/// <param name="Call">The operation.</param>
/// <param name="A">First operand.</param>
/// <param name="B">Second operand; ignored where there is none.</param>
public sealed record PointwiseCase(string Name, PointwiseCall Call, Shape A, Shape B = default)
{
    /// <summary>The function of a call that is one; null for others.</summary>
    public Activation? Activation => Call switch
    {
        PointwiseCall.Silu => Tensors.Activation.Silu,
        PointwiseCall.Gelu => Tensors.Activation.Gelu,
        PointwiseCall.QuickGelu => Tensors.Activation.QuickGelu,
        PointwiseCall.GeluTanh => Tensors.Activation.GeluTanh,
        PointwiseCall.Sigmoid => Tensors.Activation.Sigmoid,
        PointwiseCall.Relu => Tensors.Activation.Relu,
        PointwiseCall.Tanh => Tensors.Activation.Tanh,
        _ => null,
    };

    /// <summary>Whether the call takes b.</summary>
    public bool TakesTwo =>
        Call is PointwiseCall.Add or PointwiseCall.Subtract or PointwiseCall.Multiply or PointwiseCall.Combine;

    /// <summary>Elements read and written, for bandwidths.</summary>
    public long ElementsMoved => Call == PointwiseCall.Geglu ? A.Count * 3 / 2 : A.Count * (TakesTwo ? 2 : 1) + A.Count;

    /// <summary>Calls the operation.</summary>
    public Tensor Run(Tensor a, Tensor b) => Call switch
    {
        PointwiseCall.Add => Ops.Add(a, b),
        PointwiseCall.Subtract => Ops.Subtract(a, b),
        PointwiseCall.Multiply => Ops.Multiply(a, b),
        PointwiseCall.Geglu => Ops.Geglu(a),
        PointwiseCall.Combine => Ops.LinearCombination((7.5f, a), (-6.5f, b)),
        PointwiseCall.Half => Ops.Cast(Ops.Cast(a, DType.F16), DType.F32),
        _ => Ops.Activate(a, Activation ?? throw new InvalidOperationException($"no operation {Call}")),
    };

    /// <summary>Writes the name.</summary>
    public override string ToString() => Name;
}

/// <summary>Pointwise calls worth checking and timing.</summary>
public static class PointwiseCases
{
    /// <summary>
    /// Small and awkward: below and around a vector, every way to broadcast, more than one item of work.
    /// </summary>
    public static IEnumerable<PointwiseCase> Edges()
    {
        PointwiseCall[] calls =
        [
            PointwiseCall.Silu, PointwiseCall.Gelu, PointwiseCall.QuickGelu, PointwiseCall.GeluTanh,
            PointwiseCall.Sigmoid, PointwiseCall.Relu, PointwiseCall.Tanh, PointwiseCall.Half,
        ];
        foreach (PointwiseCall call in calls)
        {
            yield return new($"{call} of one", call, new Shape(1));
            yield return new($"{call} of 15", call, new Shape(15));
            yield return new($"{call} of 3 x 33", call, new Shape(3, 33));
            yield return new($"{call} of 50001", call, new Shape(50001));
        }

        yield return new("add scalars", PointwiseCall.Add, new Shape([]), new Shape([]));
        yield return new("add like", PointwiseCall.Add, new Shape(2, 3, 37), new Shape(2, 3, 37));
        yield return new("add nothing", PointwiseCall.Add, new Shape(2, 0, 3), new Shape(3));
        yield return new("subtract scalar", PointwiseCall.Subtract, new Shape(5, 17), new Shape([]));
        yield return new("subtract from scalar", PointwiseCall.Subtract, new Shape([]), new Shape(5, 17));
        yield return new("multiply a row", PointwiseCall.Multiply, new Shape(2, 4, 5, 33), new Shape(33));
        yield return new("multiply a column", PointwiseCall.Multiply, new Shape(2, 4, 5, 33), new Shape(4, 1, 1));
        yield return new("add one row an image", PointwiseCall.Add, new Shape(2, 4, 5, 48), new Shape(2, 1, 1, 48));
        yield return new("subtract outer", PointwiseCall.Subtract, new Shape(7, 1), new Shape(1, 19));
        yield return new("multiply both ways", PointwiseCall.Multiply, new Shape(3, 1, 5, 1), new Shape(1, 4, 1, 18));
        yield return new("add in items", PointwiseCall.Add, new Shape(3, 20_000), new Shape(3, 1));
        yield return new("geglu of 26", PointwiseCall.Geglu, new Shape(2, 5, 26));
        yield return new("geglu in items", PointwiseCall.Geglu, new Shape(90, 1000));
        yield return new("combine 3 x 35", PointwiseCall.Combine, new Shape(3, 35), new Shape(3, 35));
        yield return new("combine in items", PointwiseCall.Combine, new Shape(40_001), new Shape(40_001));
    }

    /// <summary>The calls of one SD 1.5 step at 512 x 512, guidance on, that move the most.</summary>
    public static IEnumerable<PointwiseCase> StableDiffusion15()
    {
        yield return new("geglu, down 0", PointwiseCall.Geglu, new Shape(2, 4096, 2560));
        yield return new("geglu, down 1", PointwiseCall.Geglu, new Shape(2, 1024, 5120));
        yield return new("geglu, down 2", PointwiseCall.Geglu, new Shape(2, 256, 10240));
        yield return new("skip plus control", PointwiseCall.Add, new Shape(2, 64, 64, 320), new Shape(2, 64, 64, 320));
        yield return new("silu, hint", PointwiseCall.Silu, new Shape(2, 64, 64, 320));
        yield return new("gelu, wide", PointwiseCall.Gelu, new Shape(2, 64, 64, 320));
        yield return new("quick gelu, text", PointwiseCall.QuickGelu, new Shape(2, 77, 3072));
        yield return new("guidance", PointwiseCall.Combine, new Shape(1, 64, 64, 4), new Shape(1, 64, 64, 4));
    }
}
