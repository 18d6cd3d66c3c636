using ControlNet.Native.Imaging;

namespace ControlNet.Native.Training;

/// <summary>One example to learn from.</summary>
/// <param name="Target">What shall be generated.</param>
/// <param name="Hint">What a ControlNet reads, of the target's size; null when hints are not needed.</param>
/// <param name="Prompt">What the target shows; may be empty.</param>
public sealed record TrainingSample(RgbImage Target, RgbImage? Hint, string Prompt);
