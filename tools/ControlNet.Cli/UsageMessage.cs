using System;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Linq;

namespace ControlNet.Cli;

/// <summary>Says in one sentence what is wrong with a command line that could not be parsed.</summary>
internal static class UsageMessage
{
    /// <summary>For example <c>unknown option '--stpes'; see controlnet generate --help</c>.</summary>
    public static string Of(ParseResult parsed)
    {
        string[] path = [.. parsed.CommandResult.Command.Parents.OfType<Command>()
            .Append(parsed.CommandResult.Command)
            .Where(command => command is not RootCommand)
            .Select(command => command.Name)
            .Prepend("controlnet")];
        return $"{Sentence(parsed)}; see {string.Join(' ', path)} --help";
    }

    private static string Sentence(ParseResult parsed)
    {
        // A misspelt option would otherwise be reported as what follows it, or as an argument.
        if (parsed.Tokens.Where(token => token.Type == TokenType.Argument)
            .Select(token => token.Value)
            .Concat(parsed.UnmatchedTokens)
            .FirstOrDefault(token => token.StartsWith("--", StringComparison.Ordinal) && token.Length > 2)
            is string option)
        {
            return $"unknown option '{option}'";
        }

        if (parsed.CommandResult.Command is { Subcommands.Count: > 0 } parent)
        {
            string known = string.Join(", ", parent.Subcommands.Select(command => $"'{command.Name}'"));
            return parsed.UnmatchedTokens.Count == 0
                ? $"no command given; there are {known}"
                : $"unknown command '{parsed.UnmatchedTokens[0]}'; there are {known}";
        }

        if (parsed.Errors.Count == 0)
        {
            return "the command line is incomplete";
        }

        ParseError error = parsed.Errors[0];
        if (error.SymbolResult is OptionResult { IdentifierToken: { } name } result)
        {
            if (result.Option.ValueType.GetElementType() is { } element
                && result.Tokens.FirstOrDefault(token => error.Message.Contains($"'{token.Value}'")) is { } bad)
            {
                return $"option '{name.Value}' needs {Kind(element)}, got '{bad.Value}'";
            }

            return result.Tokens.Count == 0
                ? $"option '{name.Value}' needs a value"
                : result.Tokens.Count > 1
                    ? $"option '{name.Value}' is given more than once"
                    : $"option '{name.Value}' needs {Kind(result.Option.ValueType)}, got '{result.Tokens[0].Value}'";
        }

        return error.Message.TrimEnd('.');
    }

    private static string Kind(Type type)
    {
        Type value = Nullable.GetUnderlyingType(type) ?? type;
        return value == typeof(int) || value == typeof(long) ? "a whole number"
            : value == typeof(float) || value == typeof(double) ? "a number"
            : value == typeof(bool) ? "'true' or 'false'"
            : "another value";
    }
}
