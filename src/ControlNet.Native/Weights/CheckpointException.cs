using System;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>
/// A checkpoint does not hold what was asked of it: a tensor is missing or of another shape, a configuration names a
/// feature this library does not compute, or the file is of another kind than the caller said.
/// </summary>
public sealed class CheckpointException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public CheckpointException(string message) : base(MessageText.Clip(message)) { }

    /// <summary>Creates an empty exception.</summary>
    public CheckpointException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public CheckpointException(string message, Exception innerException)
        : base(MessageText.Clip(message), innerException) { }
}
