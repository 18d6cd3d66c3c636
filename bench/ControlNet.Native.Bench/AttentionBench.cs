using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>
/// Attention; 4 * batch * heads * queries * keys * width floating-point operations each, without the exponentials.
/// </summary>
public class AttentionBench : OpBench
{
    private Tensor _q = null!, _k = null!, _v = null!;

    /// <summary>The attentions of one step, the text encoder's and the autoencoder's.</summary>
    public static IEnumerable<AttentionCase> Calls => AttentionCases.StableDiffusion15();

    /// <summary>The attention at hand.</summary>
    [ParamsSource(nameof(Calls))]
    public AttentionCase Call { get; set; } = null!;

    /// <inheritdoc/>
    protected override void MakeInputs()
    {
        int channels = Call.Heads * Call.HeadWidth;
        _q = Draw(new Shape(Call.Batch, Call.Queries, channels));
        _k = Draw(new Shape(Call.Batch, Call.Keys, channels));
        _v = Draw(new Shape(Call.Batch, Call.Keys, channels));
    }

    /// <summary>One call.</summary>
    [Benchmark]
    public void Run()
    {
        using Tensor y = Ops.Attention(_q, _k, _v, Call.Heads, Call.Scale, Call.Causal);
    }
}
