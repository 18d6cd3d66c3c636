using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>
/// Convolutions; 2 * pixels out * out * in * kernel * kernel floating-point operations each, if done directly.
/// </summary>
public class Conv2dBench : OpBench
{
    private Tensor _x = null!;
    private Tensor? _bias, _row, _added;
    private PackedWeight _weight = null!;

    /// <summary>The convolutions of one step and of the autoencoder.</summary>
    public static IEnumerable<Conv2dCase> Calls => Conv2dCases.StableDiffusion15();

    /// <summary>The convolution at hand.</summary>
    [ParamsSource(nameof(Calls))]
    public Conv2dCase Call { get; set; } = null!;

    /// <summary>
    /// How large the packed weight may be; <c>CONTROLNET_FORCE=conv2d:direct</c> measures without transforms.
    /// </summary>
    [Params(WeightGrowth.None, WeightGrowth.Moderate, WeightGrowth.Full)]
    public WeightGrowth Growth { get; set; }

    /// <inheritdoc/>
    protected override void MakeInputs()
    {
        Conv2dCase c = Call;
        _x = Draw(new Shape(c.Batch, c.Height, c.Width, c.In));
        using Tensor weight = Draw(new Shape(c.Out, c.In, c.Kernel, c.Kernel));
        _weight = Ops.PackConv2d(
            weight, c.Weights, new Conv2dUse(c.Height, c.Width, c.Stride, c.Padding, Growth));
        _bias = c.Bias ? Draw(new Shape(c.Out)) : null;
        _row = c.AddRow ? Draw(new Shape(c.Batch, c.Out)) : null;
        int outHeight = ((c.Height + c.Padding.Top + c.Padding.Bottom - c.Kernel) / c.Stride) + 1;
        int outWidth = ((c.Width + c.Padding.Left + c.Padding.Right - c.Kernel) / c.Stride) + 1;
        _added = c.AddTensor ? Draw(new Shape(c.Batch, outHeight, outWidth, c.Out)) : null;
    }

    /// <summary>With everything the case fuses.</summary>
    [Benchmark]
    public void Run()
    {
        using Tensor y = Ops.Conv2d(_x, _weight, _bias, Call.Stride, Call.Padding, Call.Activation, _row, _added);
    }
}
