using System;
using System.IO;
using Spectre.Console;

namespace ControlNet.Cli;

/// <summary>
/// The two consoles: results on stdout, progress on stderr. Either is plain text without colours, cursor movement or
/// animation when it is redirected or when NO_COLOR is set to anything (https://no-color.org).
/// </summary>
internal static class Terminal
{
    /// <summary>A pipe has no width; wide enough for a table row to stay one line.</summary>
    private const int RedirectedColumns = 160;

    /// <summary>Where results go.</summary>
    public static IAnsiConsole Out { get; } = Create(Console.Out, Console.IsOutputRedirected);

    /// <summary>Where progress goes.</summary>
    public static IAnsiConsole Error { get; } = Create(Console.Error, Console.IsErrorRedirected);

    /// <summary>Whether stderr may be animated.</summary>
    public static bool IsAnimated { get; } = !IsPlain(Console.IsErrorRedirected);

    private static bool IsPlain(bool redirected) =>
        redirected || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    private static IAnsiConsole Create(TextWriter writer, bool redirected)
    {
        bool plain = IsPlain(redirected);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = plain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = plain ? InteractionSupport.No : InteractionSupport.Detect,
            Out = new AnsiConsoleOutput(writer),
        });
        if (redirected)
        {
            console.Profile.Width = RedirectedColumns;
        }

        return console;
    }
}
