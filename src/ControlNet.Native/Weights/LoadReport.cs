using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>What was recognised in a checkpoint and what was loaded from it so far.</summary>
public sealed record LoadReport
{
    /// <summary>The path, or the name given with the stream or memory.</summary>
    public required string Source { get; init; }

    /// <summary>How the checkpoint is laid out.</summary>
    public required CheckpointLayout Layout { get; init; }

    /// <summary>The family.</summary>
    public required ModelVersion Version { get; init; }

    /// <summary>What the UNet predicts: <c>epsilon</c>, <c>v_prediction</c> or <c>sample</c>.</summary>
    public required string PredictionType { get; init; }

    /// <summary>
    /// Whether nothing in the checkpoint states the prediction type, so that the usual one of its family was taken.
    /// The cure for a wrong guess is <see cref="CheckpointOptions.PredictionType"/>.
    /// </summary>
    public required bool PredictionIsAssumed { get; init; }

    /// <summary>How many of the tensors read so far are stored in each element type.</summary>
    public required IReadOnlyDictionary<string, int> ElementTypes { get; init; }

    /// <summary>Tensors of the files read so far.</summary>
    public required int TensorsUsed { get; init; }

    /// <summary>Bytes of these tensors in the files.</summary>
    public required long BytesUsed { get; init; }

    /// <summary>
    /// Tensors no model takes and whose purpose is known: buffers of training, averages, the unused last block.
    /// </summary>
    public required IReadOnlyList<string> ExpectedLeftovers { get; init; }

    /// <summary>
    /// Tensors that were not read and should have been: unknown ones, and what the models loaded so far did not ask
    /// for. Any entry here means that the model computes something else than the file was made for.
    /// </summary>
    public required IReadOnlyList<string> Leftovers { get; init; }

    /// <summary>Checks that nothing was left over.</summary>
    /// <exception cref="CheckpointException"><see cref="Leftovers"/> is not empty.</exception>
    public void AssertComplete()
    {
        if (Leftovers.Count > 0)
        {
            throw new CheckpointException(
                $"{MessageText.Name(Source)}: {Leftovers.Count} tensors were not used, first " +
                $"'{MessageText.Name(Leftovers[0])}'; the file is of another architecture than its configuration says");
        }
    }

    /// <summary>Writes the report in a few lines.</summary>
    public override string ToString()
    {
        IEnumerable<string> types = ElementTypes.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} {pair.Key}");
        string assumed = PredictionIsAssumed ? " (assumed)" : string.Empty;
        return string.Create(CultureInfo.InvariantCulture, $"""
            {MessageText.Name(Source)}: {Layout}, {Version}, predicts {PredictionType}{assumed}
            {TensorsUsed} tensors used ({string.Join(", ", types)}), {BytesUsed / 1e6:f1} MB
            {ExpectedLeftovers.Count} expected leftovers, {Leftovers.Count} others
            """);
    }
}
