using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>A training run cannot go on: its loss is not finite time and again. Nothing saved is lost.</summary>
public sealed class TrainingException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public TrainingException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public TrainingException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public TrainingException(string message, Exception innerException) : base(message, innerException) { }
}
