using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Datasets;

/// <summary>A set cannot be written where it was asked for; the message names the folder and the cure.</summary>
public sealed class DatasetException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public DatasetException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public DatasetException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public DatasetException(string message, Exception? innerException) : base(message, innerException) { }
}
