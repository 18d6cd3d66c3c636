using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>Operations that move elements.</summary>
public class MovementBench : OpBench
{
    private Tensor _x = null!, _ids = null!;

    /// <summary>The calls of one step.</summary>
    public static IEnumerable<MovementCase> Calls => MovementCases.StableDiffusion15();

    /// <summary>The call at hand.</summary>
    [ParamsSource(nameof(Calls))]
    public MovementCase Call { get; set; } = null!;

    /// <inheritdoc/>
    protected override void MakeInputs()
    {
        int[] ids = Call.Call == MovementCall.Gather ? Call.Ids : [0];
        (_x, _ids) = (Draw(Call.X), Tensor.From(Device, new Shape(ids.Length), ids));
    }

    /// <summary>One pass; a concatenation includes the slice it joins.</summary>
    [Benchmark]
    public void Run()
    {
        using TensorScope scope = TensorScope.Enter();
        _ = Call.Run(_x, _ids);
    }
}
