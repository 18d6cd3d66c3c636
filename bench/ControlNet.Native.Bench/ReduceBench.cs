using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>Sums and softmax along an axis.</summary>
public class ReduceBench : OpBench
{
    private Tensor _x = null!;

    /// <summary>The calls of one step.</summary>
    public static IEnumerable<ReduceCase> Calls => ReduceCases.StableDiffusion15();

    /// <summary>The call at hand.</summary>
    [ParamsSource(nameof(Calls))]
    public ReduceCase Call { get; set; } = null!;

    /// <inheritdoc/>
    protected override void MakeInputs() => _x = Draw(Call.X);

    /// <summary>One call.</summary>
    [Benchmark]
    public void Run()
    {
        using Tensor y = Call.Run(_x);
    }
}
