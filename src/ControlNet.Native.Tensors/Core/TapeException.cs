using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// A gradient is wanted that would be lost: the operation has none, the weight was packed for inference, or the tensor
/// was made under another tape. The message names the operation and the cure.
/// </summary>
public sealed class TapeException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public TapeException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public TapeException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public TapeException(string message, Exception innerException) : base(message, innerException) { }
}
