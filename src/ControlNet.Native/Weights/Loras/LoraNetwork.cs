namespace ControlNet.Native.Weights;

/// <summary>The networks a LoRA can change.</summary>
public enum LoraNetwork
{
    /// <summary>The UNet.</summary>
    Unet,

    /// <summary>The text encoder.</summary>
    Text,

    /// <summary>A ControlNet, whose encoder bears the names of a UNet's.</summary>
    ControlNet,
}
