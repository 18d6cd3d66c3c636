namespace ControlNet.Native;

/// <summary>How the result of the first pass is enlarged for the second.</summary>
public enum HiresUpscaler
{
    /// <summary>
    /// The picture is decoded, enlarged by cubic interpolation and encoded again. Stays sharp at a low strength; takes
    /// the autoencoder twice more.
    /// </summary>
    Image,

    /// <summary>
    /// The latents are interpolated linearly, A1111's "Latent". Cheap, but blurred until a strength of about 0.5 and
    /// more paints over it.
    /// </summary>
    Latent,

    /// <summary>The latents are repeated, A1111's "Latent (nearest)". As <see cref="Latent"/>.</summary>
    LatentNearest,
}
