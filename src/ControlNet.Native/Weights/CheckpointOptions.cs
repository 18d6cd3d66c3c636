namespace ControlNet.Native.Weights;

/// <summary>
/// What the caller knows about a checkpoint better than the file does. Everything may stay null: then configurations
/// come from the <c>config.json</c> files of a diffusers folder, or from the shapes of the weights.
/// </summary>
public sealed record CheckpointOptions
{
    /// <summary>
    /// A diffusers folder whose <c>config.json</c> files (and tokenizer and scheduler) describe a checkpoint that has
    /// none of its own; the weights in it are not read. A component folder with one <c>config.json</c> will do.
    /// </summary>
    public string? ConfigsFrom { get; init; }

    /// <summary>The UNet's configuration, over every other source.</summary>
    public UnetConfig? Unet { get; init; }

    /// <summary>The autoencoder's configuration, over every other source.</summary>
    public VaeConfig? Vae { get; init; }

    /// <summary>The text encoder's configuration, over every other source.</summary>
    public ClipTextConfig? Text { get; init; }

    /// <summary>The ControlNet's configuration, over every other source.</summary>
    public ControlNetConfig? ControlNet { get; init; }

    /// <summary>
    /// What the UNet predicts, as diffusers writes it: <c>epsilon</c>, <c>v_prediction</c> or <c>sample</c>. Single
    /// files do not say, so this is the cure when <see cref="LoadReport.PredictionIsAssumed"/> was wrong.
    /// </summary>
    public string? PredictionType { get; init; }
}
