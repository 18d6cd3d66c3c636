using System;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <summary>Draws noise of the shape of the latents, one <c>torch.randn</c> after the other.</summary>
/// <param name="device">Where the latents are.</param>
/// <param name="source">Where the numbers come from.</param>
/// <param name="shape">Shape of the latents, <c>[1, H / 8, W / 8, C]</c>.</param>
internal sealed class LatentNoise(Device device, INoiseSource source, Shape shape)
{
    /// <summary>Shape of the latents, <c>[1, H / 8, W / 8, C]</c>.</summary>
    public Shape Shape => shape;

    /// <summary>One <c>torch.randn</c>.</summary>
    public Tensor Draw() => FromTorchOrder(Numbers());

    /// <summary>One <c>torch.randn</c> whose numbers nobody uses, so that later ones are the reference's.</summary>
    public void Skip() => _ = Numbers();

    /// <summary>Values in PyTorch's order <c>[1, C, H, W]</c> as latents <c>[1, H, W, C]</c>.</summary>
    public Tensor FromTorchOrder(ReadOnlySpan<float> values)
    {
        using TensorScope scope = TensorScope.Enter();
        Shape torch = new(shape[0], shape[3], shape[1], shape[2]);
        return scope.Keep(Ops.ToChannelsLast(Tensor.From(device, torch, values)));
    }

    private float[] Numbers()
    {
        float[] values = new float[shape.Count];
        source.FillNormal(values);
        return values;
    }
}
