using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>
/// Group norm and layer norm. The bound is reading x twice (the second time from cache where it fits) and writing y
/// once at the bandwidth <see cref="StreamBench"/> measures on the same machine.
/// </summary>
public class GroupNormBench : OpBench
{
    private Tensor _x = null!, _gamma = null!, _beta = null!;

    /// <summary>The calls of one step.</summary>
    public static IEnumerable<GroupNormCase> Calls => GroupNormCases.StableDiffusion15();

    /// <summary>The call at hand.</summary>
    [ParamsSource(nameof(Calls))]
    public GroupNormCase Call { get; set; } = null!;

    /// <inheritdoc/>
    protected override void MakeInputs()
    {
        Shape channels = new(Call.X[-1]);
        (_x, _gamma, _beta) = (Draw(Call.X), Draw(channels), Draw(channels));
    }

    /// <summary>With the fused activation.</summary>
    [Benchmark(Baseline = true)]
    public void Fused()
    {
        using Tensor y = Call.Run(_x, _gamma, _beta);
    }

    /// <summary>The same without it; the difference is what the activation costs.</summary>
    [Benchmark]
    public void Plain()
    {
        using Tensor y = (Call with { Activation = Activation.None }).Run(_x, _gamma, _beta);
    }
}
