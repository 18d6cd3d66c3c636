using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// A picture cannot be prepared as asked: an option out of its range, or pictures that do not fit together. The message
/// names the option, both values and the cure. Nothing was computed.
/// </summary>
public sealed class PreprocessingException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public PreprocessingException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public PreprocessingException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public PreprocessingException(string message, Exception? innerException) : base(message, innerException) { }
}
