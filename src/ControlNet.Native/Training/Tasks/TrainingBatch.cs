using System.Collections.Generic;

namespace ControlNet.Native.Training;

/// <summary>Samples that one gradient is made of.</summary>
/// <param name="Samples">Pictures and prompts, in order.</param>
/// <param name="Indices">Their numbers in the dataset.</param>
/// <param name="FirstPosition">
/// Samples seen since training began before the first of these; every random number is a function of it.
/// </param>
internal sealed record TrainingBatch(
    IReadOnlyList<TrainingSample> Samples, IReadOnlyList<int> Indices, long FirstPosition)
{
    public int Count => Samples.Count;
}
