using System;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// A scheduler configuration cannot be used, a sampler or schedule has no such name, or a run was not used as it must
/// be. The message names the file, the key or argument, what was found and the cure.
/// </summary>
public sealed class SamplingException : EngineException
{
    private const int LongestQuote = 80;

    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public SamplingException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public SamplingException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public SamplingException(string message, Exception innerException) : base(message, innerException) { }

    /// <summary>Text of others made fit for a message: control characters escaped, cut to 80 characters.</summary>
    internal static string Quote(string text) => MessageText.Start(text, LongestQuote);
}
