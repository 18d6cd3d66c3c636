using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>
/// Element by element functions; compare with <see cref="StreamBench"/> by <see cref="PointwiseCase.ElementsMoved"/>.
/// </summary>
public class PointwiseBench : OpBench
{
    private Tensor _a = null!, _b = null!;

    /// <summary>The calls of one step.</summary>
    public static IEnumerable<PointwiseCase> Calls => PointwiseCases.StableDiffusion15();

    /// <summary>The call at hand.</summary>
    [ParamsSource(nameof(Calls))]
    public PointwiseCase Call { get; set; } = null!;

    /// <inheritdoc/>
    protected override void MakeInputs() => (_a, _b) = (Draw(Call.A), Draw(Call.TakesTwo ? Call.B : new Shape(1)));

    /// <summary>One pass.</summary>
    [Benchmark]
    public void Run()
    {
        using Tensor y = Call.Run(_a, _b);
    }
}
