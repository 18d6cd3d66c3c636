using System;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>
/// The state of a training run cannot be saved, found or read: a disk that is full, checkpoints that are damaged, a
/// folder another trainer holds, a value that is missing. What was saved before is as it was. The message names the
/// file, what was found and the cure, on one line of at most 1 KB.
/// </summary>
public sealed class TrainingStateException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public TrainingStateException(string message) : base(MessageText.Clip(message)) { }

    /// <summary>Creates an empty exception.</summary>
    public TrainingStateException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public TrainingStateException(string message, Exception? innerException)
        : base(MessageText.Clip(message), innerException) { }

    /// <summary>Bytes of the checkpoint that could not be written; null when that was not the failure.</summary>
    public long? NeededBytes { get; internal init; }
}
