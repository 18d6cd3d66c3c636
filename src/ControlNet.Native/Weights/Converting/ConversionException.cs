using System;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>A conversion cannot be done as asked: what is in its way is the output or the options.</summary>
public sealed class ConversionException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public ConversionException(string message) : base(MessageText.Clip(message)) { }

    /// <summary>Creates an empty exception.</summary>
    public ConversionException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public ConversionException(string message, Exception innerException)
        : base(MessageText.Clip(message), innerException) { }
}
