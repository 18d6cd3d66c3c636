using System;
using System.Globalization;
using System.IO;
using System.Text;
using ControlNet.Native;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Training;
using ControlNet.Native.Weights;

namespace ControlNet.Cli;

/// <summary>Turns whatever ended a command into one sentence on stderr and an exit code.</summary>
internal static class ErrorReport
{
    private const int MaximalCharacters = 1024;

    /// <summary>Writes <c>error: …</c> and returns the exit code.</summary>
    /// <param name="error">Where to write; one line, and the trace after it when <paramref name="verbose"/>.</param>
    /// <param name="exception">What was thrown.</param>
    /// <param name="verbose">Adds the exception with its trace.</param>
    public static int Write(TextWriter error, Exception exception, bool verbose)
    {
        (int code, string sentence) = exception switch
        {
            OperationCanceledException => (ExitCode.Cancelled, "cancelled"),
            RequestException or TokenizerException or CheckpointException or DeviceException or TrainingOptionsException
                or MemoryBudgetException or ConversionException =>
                (ExitCode.BadInput, OptionWords.Translate(exception.Message)),
            EngineException or UsageException => (ExitCode.BadInput, exception.Message),
            IOException or UnauthorizedAccessException => (ExitCode.BadInput, exception.Message),
            OutOfMemoryException =>
                (ExitCode.Failure, "the process ran out of memory; use a smaller image or fewer threads"),
            _ => (
                ExitCode.Failure,
                $"unexpected {exception.GetType().Name}: {exception.Message}"
                + (verbose ? "" : " (run again with --verbose for the trace)")),
        };
        error.WriteLine(code == ExitCode.Cancelled ? sentence : $"error: {OneLine(sentence)}");
        if (verbose && code != ExitCode.Cancelled)
        {
            error.WriteLine(exception.ToString());
        }

        return code;
    }

    /// <summary>Escapes control characters and cuts what is longer than a message may be.</summary>
    public static string OneLine(string text)
    {
        StringBuilder line = new(Math.Min(text.Length, MaximalCharacters) + 8);
        foreach (char c in text)
        {
            if (line.Length >= MaximalCharacters)
            {
                return line.Append('…').ToString();
            }

            if (char.IsControl(c))
            {
                line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else
            {
                line.Append(c);
            }
        }

        return line.ToString();
    }
}
