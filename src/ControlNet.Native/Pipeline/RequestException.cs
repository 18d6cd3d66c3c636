using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <summary>
/// A request cannot be fulfilled as it stands: a value out of its range, or values that do not fit the loaded model.
/// The message names the property, both values and the cure. Nothing was computed.
/// </summary>
public sealed class RequestException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public RequestException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public RequestException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public RequestException(string message, Exception? innerException) : base(message, innerException) { }
}
