namespace ControlNet.Evaluation;

/// <summary>What an evaluation draws.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Scenes of each row.</summary>
    public int Scenes { get; init; } = 200;

    /// <summary>
    /// Seed of the scenes. It must differ from those of the training sets: then no scene was seen in training.
    /// </summary>
    public long Seed { get; init; } = 1_000_000;

    /// <summary>Edge of the pictures in pixels.</summary>
    public int Size { get; init; } = 128;

    /// <summary>Sampler steps.</summary>
    public int Steps { get; init; } = 20;

    /// <summary>Guidance scale with a prompt.</summary>
    public float GuidanceScale { get; init; } = 2;

    /// <summary>
    /// Guidance scale without a prompt. Guess mode leaves the residuals of the largest maps a tenth of their strength;
    /// in latents of 16 x 16 these say where things are, so that it takes much more guidance than in large models.
    /// </summary>
    public float GuessGuidanceScale { get; init; } = 12;

    /// <summary>Pictures of the contact sheet.</summary>
    public int SheetScenes { get; init; } = 6;
}
