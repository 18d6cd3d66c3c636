using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// The base of every exception this library throws on purpose: bad input, shapes that do not fit, a device that
/// refuses. Catch it to keep a host alive; after it the library is usable as before.
/// </summary>
public abstract class EngineException : Exception
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    protected EngineException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    protected EngineException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    protected EngineException(string message, Exception? innerException) : base(message, innerException) { }
}
