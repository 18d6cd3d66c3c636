namespace ControlNet.Native.Training;

/// <summary>What a training set is read for.</summary>
public sealed record TrainingFolderOptions
{
    /// <summary>
    /// Which of a line's <c>hints</c> to use, for example <c>depth</c>; null for its <c>source</c>.
    /// </summary>
    public string? Hint { get; init; }

    /// <summary>
    /// Whether every line must have a hint. False for training a base model: hints are then neither looked for nor
    /// loaded, and <c>source</c> may be absent.
    /// </summary>
    public bool NeedsHints { get; init; } = true;

    /// <summary>How pictures of another size are brought to the size asked for.</summary>
    public ImageFit Fit { get; init; }
}
