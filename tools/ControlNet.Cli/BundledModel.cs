using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace ControlNet.Cli;

/// <summary>
/// The small model of drawn scenes that travels with the tool, in <c>assets</c> beside it: what is used where no model
/// is named.
/// </summary>
internal static class BundledModel
{
    private static readonly string s_assets = Path.Combine(AppContext.BaseDirectory, "assets");

    /// <summary>The base model, a diffusers folder.</summary>
    public static string Model => Path.Combine(s_assets, "model");

    /// <summary>Its ControlNets by name: the hint each reads.</summary>
    public static IReadOnlyDictionary<string, string> Controls => Folders("controls");

    /// <summary>The model to use: the one named, else the bundled one.</summary>
    /// <param name="named">What the user named; null for nothing.</param>
    /// <param name="say">Told which model it is, where none was named.</param>
    /// <exception cref="UsageException">None was named, and the tool was installed without its model.</exception>
    public static string ModelOr(string? named, Action<string> say)
    {
        if (named is not null)
        {
            return named;
        }

        if (!Directory.Exists(Model))
        {
            throw new UsageException($"--model is needed: there is no bundled model in {s_assets}");
        }

        say("model: the bundled one, which knows drawn scenes only ('a red circle and a blue star on a white " +
            "background'); name another with --model");
        return Model;
    }

    /// <summary>A ControlNet to use with the bundled model: a path, or the name of a bundled one.</summary>
    /// <exception cref="UsageException">It is neither.</exception>
    public static string Control(string net) =>
        File.Exists(net) || Directory.Exists(net) ? net
            : Controls.TryGetValue(net, out string? folder) ? folder
            : throw new UsageException(
                $"--control-net: there is no file or folder {net}, and " +
                (Controls.Count == 0
                    ? "no ControlNets are bundled"
                    : $"the bundled ControlNets are {string.Join(", ", Controls.Keys)}"));

    private static SortedDictionary<string, string> Folders(string kind)
    {
        string parent = Path.Combine(s_assets, kind);
        return new(
            Directory.Exists(parent)
                ? Directory.EnumerateDirectories(parent).ToDictionary(folder => Path.GetFileName(folder))
                : [],
            StringComparer.Ordinal);
    }
}
