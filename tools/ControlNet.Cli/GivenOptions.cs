using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Linq;

namespace ControlNet.Cli;

/// <summary>The options of a command line as they were written: by name, each with its values in their order.</summary>
internal static class GivenOptions
{
    /// <summary>Those that were given to a command, defaults not among them.</summary>
    /// <param name="command">The command.</param>
    /// <param name="arguments">What was parsed for it.</param>
    public static SortedDictionary<string, string[]> Of(Command command, ParseResult arguments)
    {
        SortedDictionary<string, string[]> given = new(StringComparer.Ordinal);
        foreach (Option option in command.Options)
        {
            if (arguments.GetResult(option) is { Implicit: false } result)
            {
                given.Add(option.Name, [.. result.Tokens.Select(token => token.Value)]);
            }
        }

        return given;
    }

    /// <summary>
    /// The arguments that say so. A value goes with its name into one argument, so that none of them reads as an
    /// option.
    /// </summary>
    public static string[] ToArguments(IReadOnlyDictionary<string, string[]> given) =>
    [
        .. given.SelectMany(option => option.Value.Length == 0
            ? [option.Key]
            : option.Value.Select(value => $"{option.Key}={value}")),
    ];
}
