using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>
/// The optimiser's step; compare with <see cref="StreamBench"/> by <see cref="AdamWCase.ElementsMoved"/>.
/// </summary>
public class AdamWBench : OpBench
{
    private Tensor _parameter = null!, _gradient = null!, _mean = null!, _square = null!;
    private long _step;

    /// <summary>Some parameters of a ControlNet.</summary>
    public static IEnumerable<AdamWCase> Calls => AdamWCases.StableDiffusion15();

    /// <summary>The parameters at hand.</summary>
    [ParamsSource(nameof(Calls))]
    public AdamWCase Call { get; set; } = null!;

    /// <inheritdoc/>
    protected override void MakeInputs()
    {
        (_parameter, _gradient) = (Draw(Call.X), Draw(Call.X));
        (_mean, _square) = (Tensor.Zeros(Device, Call.X), Tensor.Zeros(Device, Call.X));
    }

    /// <summary>One pass.</summary>
    [Benchmark]
    public void Step() => Ops.AdamW(_parameter, _gradient, _mean, _square, ++_step, Call.Settings);

    /// <summary>The norm that gradients are clipped by; reads one tensor.</summary>
    [Benchmark]
    public void Norm() => Ops.Norm(_gradient).Dispose();
}
