using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Cases;

/// <summary>The operations along one axis as cases name them.</summary>
public enum ReduceCall
{
    /// <summary>The sum; the axis disappears.</summary>
    Sum,

    /// <summary>The mean; the axis disappears.</summary>
    Mean,

    /// <summary>Probabilities; the axis stays.</summary>
    Softmax,
}

/// <summary>One call along an axis: what the tests check and the benchmark times.</summary>
/// <param name="Name">Where it comes from; the row label of test and benchmark reports.</param>
/// <param name="Call">The operation.</param>
/// <param name="X">The input.</param>
/// <param name="Axis">The axis.</param>
public sealed record ReduceCase(string Name, ReduceCall Call, Shape X, int Axis)
{
    /// <summary>Calls the operation.</summary>
    public Tensor Run(Tensor x) => Call switch
    {
        ReduceCall.Sum => Ops.Sum(x, Axis),
        ReduceCall.Mean => Ops.Mean(x, Axis),
        ReduceCall.Softmax => Ops.Softmax(x, Axis),
        _ => throw new InvalidOperationException($"no operation {Call}"),
    };

    /// <summary>Writes the name.</summary>
    public override string ToString() => Name;
}

/// <summary>Calls along an axis worth checking and timing.</summary>
public static class ReduceCases
{
    /// <summary>Small and awkward: around a vector, along and across it, cut into parts.</summary>
    public static IEnumerable<ReduceCase> Edges()
    {
        foreach (ReduceCall call in Enum.GetValues<ReduceCall>())
        {
            yield return new($"{call} of one", call, new Shape(1), 0);
            yield return new($"{call} along 7", call, new Shape(5, 7), -1);
            yield return new($"{call} along 16", call, new Shape(3, 16), -1);
            yield return new($"{call} along 77", call, new Shape(6, 77), -1);
            yield return new($"{call} along 1100", call, new Shape(2, 1100), -1);
            yield return new($"{call} along 100001", call, new Shape(100_001), 0);
            yield return new($"{call} of many rows", call, new Shape(700, 65), 1);
            yield return new($"{call} across 5", call, new Shape(2, 9, 5), 1);
            yield return new($"{call} across 83", call, new Shape(3, 6, 83), 1);
            yield return new($"{call} across 300 x 200", call, new Shape(2, 300, 200), 1);
            yield return new($"{call} of axis 0", call, new Shape(4, 3, 5, 6), 0);
        }
    }

    /// <summary>What a step would need were the score matrix stored, and the loss of training.</summary>
    public static IEnumerable<ReduceCase> StableDiffusion15()
    {
        yield return new("scores, down 1", ReduceCall.Softmax, new Shape(16, 1024, 1024), -1);
        yield return new("scores, words", ReduceCall.Softmax, new Shape(16, 4096, 77), -1);
        yield return new("pixels of an image", ReduceCall.Mean, new Shape(2, 4096, 320), 1);
        yield return new("loss", ReduceCall.Mean, new Shape(2 * 64 * 64 * 320), 0);
    }
}
