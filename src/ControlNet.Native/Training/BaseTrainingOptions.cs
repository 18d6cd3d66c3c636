using System.Collections.Generic;
using System.Globalization;

namespace ControlNet.Native.Training;

/// <summary>How a UNet is trained, with the text encoder or without.</summary>
public sealed record DenoiserTrainingOptions : TrainingOptions
{
    /// <summary>Drops a tenth of the prompts, as Stable Diffusion 1.5 was trained.</summary>
    public DenoiserTrainingOptions() => PromptDrop = 0.1;

    /// <summary>Whether the text encoder is trained together with the UNet.</summary>
    public bool TrainText { get; init; } = true;

    internal override IEnumerable<string> Fingerprint() => [.. base.Fingerprint(), $"text {TrainText}"];
}

/// <summary>How an autoencoder is trained.</summary>
public sealed record AutoencoderTrainingOptions : TrainingOptions
{
    /// <summary>
    /// Weight of the posterior's distance from the unit normal beside the squared error, both as means.
    /// </summary>
    public double DivergenceWeight { get; init; } = 1e-5;

    /// <summary>
    /// Whether the encoder is trained together with the decoder. Without it the latents stay what they are, so that a
    /// UNet which was trained in them can be used with the new decoder.
    /// </summary>
    public bool TrainEncoder { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(nameof(DivergenceWeight), DivergenceWeight, 0, 1);
    }

    internal override IEnumerable<string> Fingerprint() =>
    [
        .. base.Fingerprint(), string.Create(CultureInfo.InvariantCulture, $"divergence {DivergenceWeight}"),
        $"encoder {TrainEncoder}",
    ];
}
