using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>A training run cannot be as it was asked for. The message names the option and the cure.</summary>
public sealed class TrainingOptionsException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public TrainingOptionsException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public TrainingOptionsException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public TrainingOptionsException(string message, Exception innerException) : base(message, innerException) { }
}
