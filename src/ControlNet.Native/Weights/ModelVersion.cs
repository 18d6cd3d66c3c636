namespace ControlNet.Native.Weights;

/// <summary>The family of a checkpoint.</summary>
public enum ModelVersion
{
    /// <summary>The checkpoint has neither UNet nor ControlNet to tell it from.</summary>
    Unknown,

    /// <summary>
    /// Stable Diffusion 1.x: transformers begin with a 1x1 convolution; CLIP ViT-L/14, states of width 768.
    /// </summary>
    StableDiffusion1,

    /// <summary>
    /// Stable Diffusion 2.x: transformers begin with a linear layer; OpenCLIP ViT-H/14, states of width 1024.
    /// </summary>
    StableDiffusion2,
}
