using System;

namespace ControlNet.Native.Weights;

/// <summary>Adds LoRA to the weights of a conversion.</summary>
internal sealed class LoraChange(LoraMerge merge) : IWeightChange
{
    /// <inheritdoc/>
    public bool Changes(ModelKind kind, string weight) =>
        NetworkOf(kind) is { } network && merge.Changes(network, weight);

    /// <inheritdoc/>
    public void Apply(ModelKind kind, string weight, Memory<float> values) =>
        merge.AddTo(NetworkOf(kind)!.Value, weight, values);

    // No LoRA changes an autoencoder.
    private static LoraNetwork? NetworkOf(ModelKind kind) => kind switch
    {
        ModelKind.Unet => LoraNetwork.Unet,
        ModelKind.Text => LoraNetwork.Text,
        ModelKind.ControlNet => LoraNetwork.ControlNet,
        _ => null,
    };
}
