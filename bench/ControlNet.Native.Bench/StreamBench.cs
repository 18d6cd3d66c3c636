using BenchmarkDotNet.Attributes;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>
/// A plain copy of as many elements as the large activations have: the bandwidth that bounds every operation limited by
/// memory. Bytes moved are 8 for each element, read and written.
/// </summary>
public class StreamBench : OpBench
{
    private Tensor _x = null!;

    /// <summary>Elements: in the third-level cache, around it, beyond it.</summary>
    [Params(2 * 64 * 64 * 320, 2 * 4096 * 2560, 512 * 512 * 128)]
    public int Elements { get; set; }

    /// <inheritdoc/>
    protected override void MakeInputs() => _x = Draw(new Shape(Elements / 320, 320));

    /// <summary>One read, one write.</summary>
    [Benchmark]
    public void Copy()
    {
        using Tensor y = Ops.Slice(_x, 0, 0, _x.Shape[0]);
    }
}
