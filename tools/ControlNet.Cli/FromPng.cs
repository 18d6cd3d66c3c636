using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using ControlNet.Native;
using ControlNet.Native.Imaging;

namespace ControlNet.Cli;

/// <summary>
/// <c>--from-png</c>: takes the options from the text of a PNG; those that are given beside it take the place of its
/// own.
/// </summary>
internal static class FromPng
{
    /// <summary>Parses anew with what the PNG says.</summary>
    /// <param name="command">The command whose options these are.</param>
    /// <param name="arguments">What the user wrote.</param>
    /// <param name="path">The PNG.</param>
    /// <param name="madeOn">The device the PNG names; null where it names none.</param>
    /// <exception cref="UsageException">The PNG does not say how it was made, or not enough.</exception>
    public static ParseResult Expand(Command command, ParseResult arguments, string path, out string? madeOn)
    {
        SortedDictionary<string, string[]> given = GivenOptions.Of(command, arguments);
        IReadOnlyDictionary<string, string[]> own = OptionsOf(path, given, out madeOn);
        SortedDictionary<string, string[]> all = new(given, StringComparer.Ordinal);
        foreach ((string name, string[] values) in own)
        {
            if (command.Options.All(option => option.Name != name))
            {
                throw new UsageException(
                    $"'{path}' was made with {name}, an option that this tool does not have; use the one that made it");
            }

            all.TryAdd(name, values);
        }

        ParseResult parsed = command.Parse(GivenOptions.ToArguments(all));
        return parsed.Errors.Count == 0
            ? parsed
            : throw new UsageException($"--from-png '{path}': {parsed.Errors[0].Message.TrimEnd('.')}");
    }

    private static IReadOnlyDictionary<string, string[]> OptionsOf(
        string path, SortedDictionary<string, string[]> given, out string? madeOn)
    {
        IReadOnlyList<PngText> texts = PngImage.Load(path).Text;
        madeOn = null;
        if (Text(SavedCommand.Key) is string json)
        {
            SavedCommand saved = SavedCommand.Read(json, path);
            saved.CheckFiles(saved.Options.Keys.Where(name => !given.ContainsKey(name)), path);
            madeOn = saved.Device;
            return saved.Options;
        }

        return Text(GeneratedImage.ParametersKey) is string parameters
            ? WebUiParameters.Read(parameters, path, given)
            : throw new UsageException($"'{path}' does not say how it was made: it has no text " +
                $"'{SavedCommand.Key}' or '{GeneratedImage.ParametersKey}'");

        string? Text(string key) => texts.FirstOrDefault(text => text.Keyword == key)?.Text;
    }
}
