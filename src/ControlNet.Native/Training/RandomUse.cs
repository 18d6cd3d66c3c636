namespace ControlNet.Native.Training;

/// <summary>
/// What a random number of a training run is for. Each use has a stream of its own: drawing more from one changes no
/// other. The numbers are part of what a seed means and never change.
/// </summary>
public enum RandomUse
{
    /// <summary>The first weights.</summary>
    Initialisation = 1,

    /// <summary>The order of the samples in an epoch.</summary>
    DataOrder = 2,

    /// <summary>Crops, flips and the like of a sample.</summary>
    Augmentation = 3,

    /// <summary>The draw of latents from the posterior of the autoencoder.</summary>
    Posterior = 4,

    /// <summary>The timestep of a sample.</summary>
    Timestep = 5,

    /// <summary>The noise added to the latents.</summary>
    Noise = 6,

    /// <summary>Whether the prompt of a sample is dropped.</summary>
    PromptDrop = 7,

    /// <summary>The first noise of the pictures shown during training.</summary>
    Preview = 8,
}
