using System;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>
/// A safetensors file cannot be read or written: it is damaged, cut short, of another format, or changed while it was
/// read. The message names the file, the place and the cure, on one line of at most 1 KB.
/// </summary>
public sealed class SafeTensorsException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public SafeTensorsException(string message) : base(MessageText.Clip(message)) { }

    /// <summary>Creates an empty exception.</summary>
    public SafeTensorsException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public SafeTensorsException(string message, Exception innerException)
        : base(MessageText.Clip(message), innerException) { }

    internal SafeTensorsException(string source, string problem)
        : this($"{MessageText.Name(source)}: {problem}") { }

    internal SafeTensorsException(string source, string problem, Exception innerException)
        : this($"{MessageText.Name(source)}: {problem}", innerException) { }
}
