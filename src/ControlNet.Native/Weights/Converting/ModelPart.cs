namespace ControlNet.Native.Weights;

/// <summary>A part of a checkpoint that can be written alone.</summary>
public enum ModelPart
{
    /// <summary>The UNet.</summary>
    Unet,

    /// <summary>The autoencoder.</summary>
    Vae,

    /// <summary>The text encoder.</summary>
    TextEncoder,

    /// <summary>The ControlNet.</summary>
    ControlNet,
}
