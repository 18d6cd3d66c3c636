using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>Linear layers; 2 * rows * in * out floating-point operations each.</summary>
public class MatMulBench : OpBench
{
    private Tensor _x = null!;
    private Tensor? _bias, _added;
    private PackedWeight _weight = null!;

    /// <summary>The layers of one step.</summary>
    public static IEnumerable<LinearCase> Calls => MatMulCases.StableDiffusion15();

    /// <summary>The layer at hand.</summary>
    [ParamsSource(nameof(Calls))]
    public LinearCase Call { get; set; } = null!;

    /// <inheritdoc/>
    protected override void MakeInputs()
    {
        _x = Draw(new Shape(Call.Rows, Call.In));
        _bias = Call.Bias ? Draw(new Shape(Call.Out)) : null;
        _added = Call.AddTensor ? Draw(new Shape(Call.Rows, Call.Out)) : null;
        using Tensor weight = Draw(new Shape(Call.Out, Call.In));
        _weight = Ops.PackLinear(weight, Call.Weights);
    }

    /// <summary>With bias, activation and residual in the same pass.</summary>
    [Benchmark]
    public void Run()
    {
        using Tensor y = Ops.Linear(_x, _weight, _bias, Call.Activation, _added);
    }
}
