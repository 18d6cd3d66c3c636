using System;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Text;

/// <summary>
/// A vocabulary, merge list or tokenizer configuration cannot be used; the message names file, place and cure.
/// </summary>
public sealed class TokenizerException : EngineException
{
    private const int LongestPath = 240;
    private const int LongestQuote = 60;

    /// <summary>Creates an empty exception.</summary>
    public TokenizerException() { }

    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public TokenizerException(string message) : base(message) { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public TokenizerException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>A complaint about a whole file.</summary>
    internal static TokenizerException InFile(string path, string problem, Exception? cause = null) =>
        new($"{MessageText.Start(path, LongestPath)}: {problem}", cause);

    /// <summary>A complaint about one line of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="line">Counted from 1.</param>
    /// <param name="problem">What is wrong and what to do.</param>
    /// <param name="cause">The exception behind it, when there is one.</param>
    internal static TokenizerException InLine(string path, long line, string problem, Exception? cause = null) =>
        new($"{MessageText.Start(path, LongestPath)}: line {line}: {problem}", cause);

    /// <summary>
    /// Text of a file between quotes: control characters escaped, cut to a length a message can bear.
    /// </summary>
    internal static string Quote(string text) => $"'{MessageText.Start(text, LongestQuote)}'";
}
