using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Nn;

/// <summary>
/// Inputs do not belong to the model they were handed to: latents of another channel count, text of another encoder,
/// a control network of another base. The message names both numbers and the cure.
/// </summary>
public sealed class ModelException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public ModelException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public ModelException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public ModelException(string message, Exception innerException) : base(message, innerException) { }
}
