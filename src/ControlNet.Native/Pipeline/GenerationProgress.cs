using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native;

/// <summary>Where a generation stands; reported after each evaluation of the UNet.</summary>
public sealed class GenerationProgress
{
    private readonly Func<float[]> _copyLatents;
    private readonly Func<bool, RgbImage> _preview;

    internal GenerationProgress(
        int completed, int total, double timestep, TimeSpan elapsed, Func<float[]> copyLatents,
        Func<bool, RgbImage> preview)
    {
        Completed = completed;
        Total = total;
        Timestep = timestep;
        Elapsed = elapsed;
        _copyLatents = copyLatents;
        _preview = preview;
    }

    /// <summary>Evaluations done, from 1.</summary>
    public int Completed { get; }

    /// <summary>Evaluations in all; for PNDM one more than the steps asked for.</summary>
    public int Total { get; }

    /// <summary>Timestep of the evaluation just done, 999 (noise) to 0 (image); may be fractional.</summary>
    public double Timestep { get; }

    /// <summary>Time since sampling began.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>
    /// Copies the latents as they are now, <c>[N, 4, H / 8, W / 8]</c>. Only inside <see cref="IProgress{T}.Report"/>,
    /// which is called on the generating thread; <see cref="Progress{T}"/> passes the report on and is too late.
    /// </summary>
    /// <exception cref="InvalidOperationException">The report has returned already.</exception>
    public float[] CopyLatents() => _copyLatents();

    /// <summary>
    /// A picture of what the image will be as far as the UNet can tell by now, made of the clean latents it estimates.
    /// Only inside <see cref="IProgress{T}.Report"/>, as <see cref="CopyLatents"/>.
    /// </summary>
    /// <param name="decode">
    /// False paints one pixel for each latent, H / 8 x W / 8, with colours fitted to the model's autoencoder, which the
    /// first call of a model does: cheap, and right to a first approximation. True runs the decoder: H x W, exact, as
    /// slow as it is.
    /// </param>
    /// <exception cref="InvalidOperationException">The report has returned already.</exception>
    public RgbImage Preview(bool decode = false) => _preview(decode);
}
