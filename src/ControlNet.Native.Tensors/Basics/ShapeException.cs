using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// Shapes handed to an op do not fit together. The message names the op, the argument and both shapes.
/// </summary>
public sealed class ShapeException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public ShapeException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public ShapeException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public ShapeException(string message, Exception innerException) : base(message, innerException) { }
}
