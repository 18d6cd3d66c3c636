using System;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>
/// A training set cannot be used: a line that is not as it should be, a picture that is missing or damaged, sizes that
/// do not fit. The message names file, line and cure.
/// </summary>
public sealed class TrainingDataException : EngineException
{
    private const int LongestPath = 240;
    private const int LongestQuote = 120;

    /// <summary>Creates an empty exception.</summary>
    public TrainingDataException() { }

    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public TrainingDataException(string message) : base(message) { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public TrainingDataException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>A complaint about a whole file or folder.</summary>
    internal static TrainingDataException InFile(string path, string problem, Exception? cause = null) =>
        new($"{MessageText.End(path, LongestPath)}: {problem}", cause);

    /// <summary>A complaint about one line of a file, counted from 1.</summary>
    internal static TrainingDataException InLine(string path, int line, string problem, Exception? cause = null) =>
        new($"{MessageText.End(path, LongestPath)}: line {line}: {problem}", cause);

    /// <summary>Text of a file between quotes: control characters escaped, cut to a bearable length.</summary>
    internal static string Quote(string text) => $"'{MessageText.Start(text, LongestQuote)}'";
}
